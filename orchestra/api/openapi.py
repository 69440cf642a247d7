"""The description of the API (OpenAPI 3.1), put right where the framework's own says less than is so.

Errors have their own media type; each operation names the scope that its token needs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation

from orchestra.api import problems
from orchestra.api.callers import Token
from orchestra.api.problems import ProblemBody
from orchestra.people.scopes import SCOPES

SCHEME: Final = "Token"
PROBLEM: Final = REF_TEMPLATE.format(model=ProblemBody.__name__)
#: Headers that come with an answer of this status.
HEADERS: Final[dict[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "Seconds to wait."},
}
ABOUT: Final = {
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "x-scopes": dict(SCOPES),
}


class Description(OpenAPISchema):
    """The description, made from the operations."""

    def responses(self, operation: Operation) -> dict[int, Any]:
        """The documented answers in the order of their status."""
        found: dict[int, Any] = super().responses(operation)
        told = {status: _told(status, answer) for status, answer in sorted(found.items())}
        if operation.view_func.__name__ == "submit_task":
            told[201]["headers"] = _headers(
                {"Location": "The address of the task.", "Idempotency-Replayed": "true for a repeat."}
            )
        return told

    def operation_security(self, operation: Operation) -> list[dict[str, Any]]:
        """The token, with its scope."""
        self.securitySchemes[SCHEME] = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "orc_…",
            "description": Token.openapi_description,
        }
        scopes = [each.scope for each in operation.auth_callbacks if isinstance(each, Token) and each.scope]
        return [{SCHEME: scopes}]


def _told(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with its media type, its headers and what it means."""
    for content in list(answer.get("content", {}).values()):
        if content.get("schema", {}).get("$ref") == PROBLEM:
            answer["content"] = {problems.MEDIA: content}
            answer["description"] = problems.CODES[problems.BY_STATUS[status]][1]
    if status in HEADERS:
        answer["headers"] = _headers(HEADERS[status])
    return {"description": HTTPStatus(status).phrase, **answer}


def _headers(named: dict[str, str]) -> dict[str, Any]:
    return {
        name: {"description": text, "required": False, "schema": {"type": "string"}}
        for name, text in named.items()
    }
