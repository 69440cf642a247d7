"""Gives every request an id and a W3C trace, and writes its one log line. Refuses malformed ones and makes new."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from orchestra import logs

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def request_id(given: str | None) -> str:
    """The caller's request id when it has a safe form, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def traceparent(given: str | None) -> str:
    """The caller's W3C trace (version 00, no all-zero id) unchanged, else a new one that is not sampled."""
    if given and _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


class RequestTrace:
    """Middleware, the outermost: everything below logs and stores the same request id and trace."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the request id in X-Request-ID."""
        name = request_id(request.headers.get("X-Request-ID"))
        trace = traceparent(request.headers.get("traceparent"))
        began = time.monotonic()
        with logs.context(request_id=name, traceparent=trace):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = name
            _log(request, response, (time.monotonic() - began) * 1000)
        return response


def _log(request: HttpRequest, response: HttpResponseBase, ms: float) -> None:
    """The path without its query string, which may hold what people searched for."""
    logs.event(
        "request.finished",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=ms,
    )
