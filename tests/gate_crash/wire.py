"""A road to the shop that a test can watch and hold: every request is noted, and may wait before it or after it is done.

Refuses to change a byte of a request, and to send one twice. Whoever asks over it cannot tell it from the shop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "Idempotency-Key"
OURS = frozenset({"connection", "content-length", "date", "host", "server", "transfer-encoding"})
LONGEST = 120.0  # seconds that a request is held


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; `at` on the monotonic clock."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def line(self) -> str:
        """Method and path; a preview only looks, whatever its method."""
        return f"{'LOOK' if '/previews/' in self.path else self.method} {self.path}"

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers.get(KEY, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; with status 0 the body alone, which should look like a reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str | None = None


@dataclass(slots=True, eq=False)
class Hold:
    """The request with these texts in its first line that comes as the `nth` waits, until it is let go."""

    texts: tuple[str, ...]
    nth: int
    done: bool
    seen: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    going: threading.Event = field(default_factory=threading.Event)

    def meets(self, asked: Asked) -> bool:
        """Count a request; whether it is the one."""
        if not all(text in asked.line for text in self.texts):
            return False
        self.seen += 1
        return self.seen == self.nth

    def wait(self) -> None:
        """Say that the request is here, and wait."""
        self.reached.set()
        self.going.wait(LONGEST)

    def let_go(self) -> None:
        """The request, or its answer, goes on."""
        self.going.set()


Backend = Callable[[Asked], Answer]


class Wire:
    """Listens on a free port and passes on to a backend: the shop, or what a test puts in its place."""

    def __init__(self, shop: str) -> None:
        self.backend: Backend = Shop(shop)
        self.asked: list[Asked] = []
        self._holds: list[Hold] = []
        self._counting = threading.Lock()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            """One request of one connection."""

            def do_GET(self) -> None:
                wire._serve(self)

            do_POST = do_GET  # noqa: N815  the library's name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who asked has died
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def hold(self, *texts: str, nth: int = 1, done: bool = False) -> Hold:
        """Hold a request: before it is passed on, or (`done`) its answer."""
        made = Hold(texts, nth, done)
        self._holds.append(made)
        return made

    def sent(self, *texts: str) -> list[Asked]:
        """The requests so far with these texts in their first lines."""
        return [asked for asked in self.asked if all(text in asked.line for text in texts)]

    def close(self) -> None:
        """End all of it."""
        for hold in self._holds:
            hold.let_go()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        headers = dict(handler.headers.items())
        asked = Asked(handler.command, handler.path, headers, handler.rfile.read(length), time.monotonic())
        with self._counting:
            self.asked.append(asked)
            holds = [hold for hold in self._holds if hold.meets(asked)]
        for hold in holds:
            if not hold.done:
                hold.wait()
        with suppress(OSError, HTTPException):  # without an answer the connection ends
            answer = self.backend(asked)
            for hold in holds:
                if hold.done:
                    hold.wait()
            _write(handler, answer)


@dataclass(frozen=True, slots=True)
class Shop:
    """Asks the shop at this address."""

    url: str

    def __call__(self, asked: Asked) -> Answer:
        """The shop's answer; HTTPException or OSError where it gives none."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=LONGEST)
        try:
            given = {name: value for name, value in asked.headers.items() if name.lower() not in OURS}
            connection.request(asked.method, asked.path, body=asked.body or None, headers=given)
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()


def _write(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    if answer.status == 0:
        handler.wfile.write(answer.body)
        return
    handler.send_response(answer.status, answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in OURS:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body)


@contextmanager
def to(shop: str) -> Iterator[Wire]:
    """A road to the shop at this address."""
    made = Wire(shop)
    try:
        yield made
    finally:
        made.close()
