"""Writes the bytes of a request: what was approved, exactly, plus Host, length, secrets and `Connection: close`. Pure.
Refuses whatever could end a line early, name another host, or compete with a header that belongs to the edge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestra.contracts import Request
from orchestra.edge.hosts import Target
from orchestra.edge.secrets import Secret
from orchestra.errors import Invalid

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_PATH: Final = re.compile(r"/[!-\"$-~]*")  # visible ASCII without #
_VALUE: Final = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
_BODILESS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS"})
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"}
    | {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


def write(request: Request, target: Target, secret_headers: Mapping[str, Secret]) -> bytes:
    """The whole request as it goes on the wire. Raises Invalid; the message never holds a value."""
    if not _METHOD.fullmatch(request.method) or request.method in {"CONNECT", "TRACE"}:
        raise Invalid(
            "The method must be a plain word in capitals, such as POST; CONNECT and TRACE are refused."
        )
    if not _PATH.fullmatch(request.path):
        raise Invalid("The path must begin with / and hold visible ASCII without #: encode the rest as %XX.")
    revealed = [(name, secret.reveal()) for name, secret in secret_headers.items()]
    _check(request.headers, revealed)
    lines = [
        f"{request.method} {request.path} HTTP/1.1",
        f"Host: {target.authority}",
        *(f"{name}: {value}" for name, value in request.headers),
        "Accept-Encoding: identity",
        *(f"{name}: {value}" for name, value in revealed),
    ]
    if request.body or request.method not in _BODILESS:
        lines.append(f"Content-Length: {len(request.body)}")
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii") + request.body


def _check(given: tuple[tuple[str, str], ...], revealed: list[tuple[str, str]]) -> None:
    """Names and values that are one line each; nothing of the edge's own; secrets beside nothing of their name."""
    for name, value in (*given, *revealed):
        if not _TOKEN.fullmatch(name):
            raise Invalid("The name of a header holds a sign that none may hold.")
        if not _VALUE.fullmatch(value):
            raise Invalid(f"The value of header {name} must be one line of ASCII without spaces around it.")
        if name.lower() in _OURS:
            raise Invalid(f"Header {name} is written by the edge: leave it out of the tool.")
    names = [name.lower() for name, _ in revealed]
    if len(set(names)) < len(names) or {name.lower() for name, _ in given} & set(names):
        raise Invalid("A header that holds a secret is given twice: leave it out of the tool's own headers.")
