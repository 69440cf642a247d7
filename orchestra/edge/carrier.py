"""Lets packages that speak `requests` leave through our own door, with its rules about addresses, sizes and time.

Refuses redirects, cookies and proxies, as the door does.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from orchestra.contracts import Request, SendFailure
from orchestra.edge import http
from orchestra.edge.egress import Rules
from orchestra.edge.http import Timeouts
from orchestra.edge.replies import Caps

#: The door writes these itself, and asks for no compression.
_OWN: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
_CAPS: Final = Caps(reply_bytes=1024 * 1024, header_bytes=32 * 1024)


class Carrier(BaseAdapter):
    """Sends what a session of `requests` sends."""

    def __init__(self, rules: Rules, *, seconds: float) -> None:
        super().__init__()
        self.rules = rules
        self.timeouts = Timeouts(connect=min(5.0, seconds), total=seconds)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ARG002
        """One request, one reply. Raises ConnectionError of `requests`."""
        parts = urlsplit(request.url or "")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = tuple(
            (name, _text(value)) for name, value in request.headers.items() if name.lower() not in _OWN
        )
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        if not isinstance(raw, bytes):
            raise requests.ConnectionError("A body that is read bit by bit is not sent.", request=request)
        sent = Request(request.method or "GET", path, headers, raw)
        base = f"{parts.scheme}://{parts.netloc}"
        reply = http.send(
            sent, base_url=base, secret_headers={}, rules=self.rules, timeouts=self.timeouts, caps=_CAPS
        )
        if isinstance(reply, SendFailure):
            raise requests.ConnectionError(reply.message, request=request)
        return _response(request, reply.status, dict(reply.headers), reply.body)

    def close(self) -> None:
        """Nothing is kept open."""


def session(rules: Rules, *, seconds: float) -> requests.Session:
    """A session whose every request leaves through the door."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    for scheme in ("https://", "http://"):
        made.mount(scheme, Carrier(rules, seconds=seconds))
    return made


def _response(
    request: requests.PreparedRequest, status: int, headers: dict[str, str], body: bytes
) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.headers.update(headers)
    made._content = body
    made.url = request.url or ""
    made.request = request
    made.encoding = "utf-8"
    return made


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
