"""What the API says when something goes wrong: one body for every error (RFC 9457), with stable types and codes.

Refuses to tell of our bugs more than the id of the request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpResponse, HttpResponseBase
from pydantic import BaseModel, Field

from orchestra import logs
from orchestra.errors import Invalid, LimitHit, OrchestraError, Problem

MEDIA: Final = "application/problem+json"
#: Where the types live: each leads to its words on the page of the API.
TYPES: Final = "/api/problems/"


class Unauthenticated(OrchestraError):
    """No token that opens anything."""

    code = "unauthenticated"
    status = 401


class WrongMethod(OrchestraError):
    """The address knows other methods."""

    code = "method-not-allowed"
    status = 405


class NotAcceptable(OrchestraError):
    """The caller wants something other than JSON."""

    code = "not-acceptable"
    status = 406


class TooLarge(OrchestraError):
    """The body is larger than any request may be."""

    code = "too-large"
    status = 413


class WrongType(OrchestraError):
    """The body is not said to be JSON."""

    code = "unsupported-media-type"
    status = 415


class Unreadable(OrchestraError):
    """The request is no HTTP that we understand."""

    code = "unreadable"
    status = 400


#: Every code: its status, its title, and what to do. The page of the API shows it.
CODES: Final[Mapping[str, tuple[int, str, str]]] = {
    "unreadable": (400, "The request cannot be read", "Send plain HTTP with a host that this server answers to."),
    "unauthenticated": (
        401,
        "A token is needed",
        "Send a living token as Authorization: Bearer orc_…. Revoked and expired ones open nothing.",
    ),
    "not-allowed": (
        403,
        "This is not yours to do",
        "You may see it, but the right or the scope is missing, or you have a part in the matter.",
    ),
    "not-found": (404, "There is nothing here", "It does not exist, or it is not yours to see."),
    "method-not-allowed": (405, "Not this method", "The Allow header names those that the address knows."),
    "not-acceptable": (406, "Only JSON is served", "Accept application/json."),
    "stale-state": (
        409,
        "Something has changed meanwhile",
        "Read it again, then decide again. Sending the same once more does not help.",
    ),
    "expired": (410, "The time for this is over", "Nothing was executed, and it cannot be decided any more."),
    "too-large": (413, "The body is too large", "Send less; a reference to large content travels better."),
    "unsupported-media-type": (415, "The body is not JSON", "Send Content-Type: application/json."),
    "invalid": (422, "Something in the request is wrong", "Each entry of problems points to a place and says why."),
    "no-route": (
        422,
        "No rule chooses a workflow",
        "Name a workflow and its environment, or ask an administrator for a routing rule.",
    ),
    "budget-exceeded": (422, "This cannot fit into what is left", "Ask for less, or for a larger budget."),
    "key-reused": (
        422,
        "The idempotency key came with another body",
        "A key belongs to one request for seven days: use a new key for a new request.",
    ),
    "halted": (423, "This is halted", "A kill switch is on; a person lifts it. Trying again does not help."),
    "limit-hit": (429, "Too much at once", "Wait as many seconds as Retry-After says, then send it again."),
    "bug": (500, "Something broke on our side", "Tell an operator the request id; they find it in the logs."),
    "unavailable": (503, "Something we need is away", "Try again in a while."),
}  # fmt: skip
BY_STATUS: Final = {status: code for code, (status, _, _) in reversed(list(CODES.items()))}


class Fault(BaseModel):
    """One thing wrong."""

    pointer: str = Field(
        description="JSON pointer into the body, or /name of a parameter; empty: the whole request."
    )
    detail: str


class ProblemBody(BaseModel):
    """A problem (RFC 9457). The type is stable; programs go by code or type, people by title and detail."""

    type: str = Field(examples=["/api/problems/not-found"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["not-found"])
    problems: list[Fault]
    request_id: str


def response(error: OrchestraError, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The answer to an error of ours."""
    problems = error.problems if isinstance(error, Invalid) else ()
    more = dict(headers or {})
    if isinstance(error, LimitHit):
        more["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, Unauthenticated):
        more["WWW-Authenticate"] = 'Bearer realm="orchestra"'
    code = error.code if error.code in CODES else BY_STATUS.get(error.status, "bug")
    detail = CODES["bug"][2] if error.status == 500 else error.message
    return _body(code, error.status, detail, problems, more)


def spoken(answer: HttpResponseBase) -> HttpResponseBase:
    """Any refusal as a problem, whoever made it: Django's pages become one too."""
    if answer.status_code < 400 or answer.headers.get("Content-Type", "").startswith(MEDIA):
        return answer
    code = BY_STATUS.get(answer.status_code, "bug" if answer.status_code >= 500 else "unreadable")
    kept = {name: answer.headers[name] for name in ("Allow", "Retry-After") if name in answer.headers}
    return _body(code, answer.status_code, CODES[code][2], (), kept)


def _body(
    code: str, status: int, detail: str, problems: Sequence[Problem], headers: Mapping[str, str]
) -> HttpResponse:
    body: dict[str, Any] = {
        "type": TYPES + code,
        "title": CODES[code][1],
        "status": status,
        "detail": detail,
        "code": code,
        "problems": [{"pointer": each.pointer, "detail": each.message} for each in problems],
        "request_id": logs.current().request_id,
    }
    return HttpResponse(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        status=status,
        content_type=MEDIA,
        headers=dict(headers),
    )
