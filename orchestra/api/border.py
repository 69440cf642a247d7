"""The edge of the API: what a request must be before anything looks at it, and what every answer is.

Refuses bodies that are too large or not JSON, and callers who want something else. Nothing here knows who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from orchestra.api import problems
from orchestra.api.parsing import BODY
from orchestra.errors import OrchestraError

PREFIX: Final = "/api/v1/"
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
JSON: Final = "application/json"
WANTED: Final = frozenset({"*/*", "application/*", JSON, problems.MEDIA})


class Border:
    """Middleware: every answer under the prefix is JSON, and every refusal a problem."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let in what can be read."""
        if not request.path.startswith(PREFIX):
            return self.get_response(request)
        try:
            _look_at(request)
        except OrchestraError as error:
            return problems.response(error)
        answer = problems.spoken(self.get_response(request))
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _look_at(request: HttpRequest) -> None:
    if not _accepts(request.headers.get("Accept", "")):
        raise problems.NotAcceptable(f"Only {JSON} is served here; Accept asks for something else.")
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and (len(length) > 12 or int(length) > BODY.size):
        raise problems.TooLarge(f"The body has {length[:20]} bytes; at most {BODY.size} are allowed.")
    if request.method in WITH_BODY and length not in {"", "0"} and request.content_type != JSON:
        raise problems.WrongType(
            f"Send Content-Type: {JSON}, not {(request.content_type or 'nothing')[:80]}."
        )


def _accepts(header: str) -> bool:
    """Whether JSON is among what the caller takes; nothing said means anything."""
    wanted = [part.strip().lower() for part in header.split(",") if part.strip()]
    return not wanted or any(_takes(part) for part in wanted)


def _takes(part: str) -> bool:
    name, _, parameters = part.partition(";")
    return name.strip() in WANTED and parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
