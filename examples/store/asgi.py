"""The shop as an ASGI application. Not WSGI: to lose a reply it must know whose connection to end.

Refuses bodies that are too large; the work itself is done in threads.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from examples.store import data, database, settings
from examples.store.desk import Desk
from examples.store.http import LARGEST_BODY, Reply, Request, handle

THREADS = 64  # most of them sleep: ordered delays
DESCRIPTORS = Path("/proc/self/fd")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """The body is larger than the shop takes."""


class Application:
    """Reads requests, has them handled in threads, sends the replies or ends the connection."""

    def __init__(self, office: Desk) -> None:
        self._office = office
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event of ASGI."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            body = await _body(receive)
        except TooLarge:
            reply = Reply(413, b'{"error":"the body is too large"}', {"Content-Type": "application/json"})
        else:
            loop = asyncio.get_running_loop()
            request = _request(scope, body)
            reply = await loop.run_in_executor(self._threads, handle, self._office, request)
        if reply.cut:
            cut(scope["client"][0], int(scope["client"][1]))
        await _send(send, reply)


def build() -> Application:
    """The application of this environment (see settings); granian calls it once in each of its processes."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    given = settings.read()
    return Application(Desk(given, data.load(given.data), database.pool(given.database_url)))


def cut(host: str, port: int) -> None:
    """End the connection that comes from this address; whatever is written to it afterwards is lost."""
    for descriptor in DESCRIPTORS.iterdir():
        try:
            found = socket.socket(fileno=os.dup(int(descriptor.name)))
        except OSError:  # no socket, or closed meanwhile
            continue
        with found:
            if _peer(found) == (host, port):
                found.shutdown(socket.SHUT_RDWR)


def _peer(found: socket.socket) -> tuple[str, int] | None:
    try:
        return tuple(found.getpeername()[:2]) if found.family in (socket.AF_INET, socket.AF_INET6) else None
    except OSError:  # it listens, or is closed already
        return None


def _request(scope: Scope, body: bytes) -> Request:
    path = bytes(scope["raw_path"]).decode("ascii", "replace")
    return Request(
        method=scope["method"],
        path=tuple(unquote(segment) for segment in path.strip("/").split("/")),
        query=dict(parse_qsl(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        more = event.get("more_body", False)
        if size > LARGEST_BODY:
            raise TooLarge
    return b"".join(parts)


async def _send(send: Send, reply: Reply) -> None:
    headers = {**reply.headers, "Content-Length": str(len(reply.body)), "X-Content-Type-Options": "nosniff"}
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": lines})
    await send({"type": "http.response.body", "body": reply.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
