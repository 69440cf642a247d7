"""The API as one object: its operations, and how its errors are told. Operations of `reviews` are added by the root.

Its description (OpenAPI) is put right by `openapi`.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from orchestra.api import openapi, parsing, problems, rendering, runs, tasks, tokens, whoami
from orchestra.errors import NotFound, OrchestraError

VERSION: Final = "1.0.0"
PREFIX: Final = "/api/v1/"


class Api(NinjaAPI):
    """Our own ids of operations, and a description that says what is so."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of its function."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> Any:
        """The description, made by ourselves."""
        return openapi.Description(self, str(options.get("path_prefix") or PREFIX))


api = Api(
    title="Orchestra",
    version=VERSION,
    description="Submit tasks, follow runs, decide what waits for people. See docs/api.md for a walk-through.",
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
    openapi_extra={"info": openapi.ABOUT},
    parser=parsing.StrictParser(),
    renderer=rendering.Plain(),
)
api.add_router("/tasks", tasks.router)
api.add_router("/runs", runs.router)
api.add_router("/tokens", tokens.router)
api.add_router("/me", whoami.router)


@api.exception_handler(OrchestraError)
def _ours(_request: HttpRequest, error: Exception) -> HttpResponse:
    if not isinstance(error, OrchestraError) or error.status == 500:
        raise error
    return problems.response(error)


@api.exception_handler(ValidationError)
def _misfit(_request: HttpRequest, error: Exception) -> HttpResponse:
    if not isinstance(error, ValidationError):
        raise error
    return problems.response(parsing.misfit(error))


@api.exception_handler(HttpError)
def _framework(_request: HttpRequest, error: Exception) -> HttpResponse:
    if not isinstance(error, HttpError):
        raise error
    return problems.response(parsing.unreadable(error))


@api.exception_handler(Http404)
def _absent(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return problems.response(NotFound("There is nothing at this address."))
