"""Reads one HTTP/1.x reply from a source of bytes, strictly: a reply that two readers could see differently is none.
Pure. Refuses to decompress, to follow, to switch protocols, and to hold more than the caps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from orchestra.edge.failures import Failed

#: Gives the next bytes, b"" at the clean end of the stream; raises Failed.
Source: TypeAlias = Callable[[], bytes]

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t -~\x80-\xff]*)?")
_FIELD: Final = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\t -~\x80-\xff]*)")
_LENGTH: Final = re.compile(r"[0-9]{1,15}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t -~]*)?")
_LONGEST_CHUNK_LINE: Final = 256
_ONE_ONLY: Final = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that is read of a reply, in bytes: its body, and all heads and trailers together."""

    reply_bytes: int = 2 * 1024 * 1024
    header_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of a reply: minor version, status, headers by name in small letters, repeated ones joined."""

    minor: int
    status: int
    headers: Mapping[str, str]


def read(source: Source, *, method: str, caps: Caps) -> tuple[Head, bytes]:
    """The final reply, complete. Raises Failed when there is none, in words that hold nothing of it."""
    stream = _Stream(source, caps.header_bytes)
    head = _head(stream)
    while head.status < 200:
        if head.status == 101:
            raise Failed("The other side wants to switch to another protocol.")
        head = _head(stream)
    return head, _body(stream, head, method, caps)


class _Stream:
    """The bytes that came, as lines and blocks. Lines count against one budget, however many there are."""

    def __init__(self, source: Source, budget: int) -> None:
        self._source = source
        self._left = budget
        self._held = bytearray()

    def line(self, longest: int | None = None) -> bytes:
        """The next line without its CRLF."""
        limit = self._left if longest is None else longest
        seen = 0
        while (end := self._held.find(b"\n", seen)) < 0:
            seen = len(self._held)
            if seen > limit:
                break
            self._more()
        if not 0 <= end < limit:
            raise Failed("A line or the head of the reply is larger than the cap allows.")
        found = bytes(self._held[: end + 1])
        del self._held[: end + 1]
        self._left -= len(found) if longest is None else 0
        if not found.endswith(b"\r\n"):
            raise Failed("The reply is no HTTP: a line ends without a carriage return.")
        return found[:-2]

    def block(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._held) < size:
            self._more()
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def rest(self, most: int) -> bytes:
        """Everything up to the clean end of the stream."""
        while len(self._held) <= most:
            piece = self._source()
            if not piece:
                return bytes(self._held)
            self._held += piece
        raise Failed(_TOO_LARGE)

    def _more(self) -> None:
        piece = self._source()
        if not piece:
            raise Failed("The other side closed before the reply was complete.")
        self._held += piece


_TOO_LARGE: Final = "The reply is larger than the cap allows."


def _head(stream: _Stream) -> Head:
    match = _STATUS.fullmatch(stream.line())
    if match is None:
        raise Failed("The reply is no HTTP/1 reply: its first line is none.")
    return Head(minor=int(match[1]), status=int(match[2]), headers=_fields(stream))


def _fields(stream: _Stream) -> dict[str, str]:
    """Header lines up to the empty one. Folded lines and spaces before the colon are refused."""
    found: dict[str, str] = {}
    while line := stream.line():
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Failed("The reply has a header line that cannot be read.")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1").rstrip(" \t")
        if name in found and name in _ONE_ONLY:
            raise Failed(f"The reply says {name} twice.")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _body(stream: _Stream, head: Head, method: str, caps: Caps) -> bytes:
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if method == "HEAD" or head.status in {204, 304}:
        return b""
    if head.headers.get("content-encoding", "identity").lower() != "identity":
        raise Failed("The reply is compressed although that was not asked for: it is not read.")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None or head.minor == 0:
            raise Failed("The reply says in two ways, or in an unknown way, where it ends.")
        return _chunks(stream, caps)
    if length is None:
        return stream.rest(caps.reply_bytes)
    if not _LENGTH.fullmatch(length):
        raise Failed("The reply gives a length that is no number.")
    if int(length) > caps.reply_bytes:
        raise Failed(_TOO_LARGE)
    return stream.block(int(length))


def _chunks(stream: _Stream, caps: Caps) -> bytes:
    """A chunked body. Its frames count too, so that tiny chunks with long extensions meet the cap."""
    found, frames = bytearray(), 0
    while True:
        line = stream.line(_LONGEST_CHUNK_LINE)
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise Failed("The reply is cut into chunks that cannot be read.")
        size, frames = int(match[1], 16), frames + len(line) + 4
        if len(found) + size > caps.reply_bytes or frames > caps.reply_bytes + caps.header_bytes:
            raise Failed(_TOO_LARGE)
        if size == 0:
            break
        found += stream.block(size)
        if stream.block(2) != b"\r\n":
            raise Failed("The reply is cut into chunks that cannot be read.")
    _fields(stream)
    return bytes(found)
