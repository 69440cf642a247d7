"""Raw servers on 127.0.0.1 that do exactly what a test says, and record every byte that reaches them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestra.contracts import Reply, Request, SendFailure
from orchestra.edge import http
from orchestra.edge.egress import Rules
from orchestra.edge.http import Timeouts
from orchestra.edge.names import Names
from orchestra.edge.replies import Caps

Handle = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = Request("POST", "/orders", (("Content-Type", "application/json"),), b'{"a":1}')
GET = Request("GET", "/orders", (), b"")
TOKEN = "canary-7f3a9c/+=51"
PATIENT = Timeouts(connect=30, total=60)
SOON = Timeouts(connect=0.4, total=0.4)


@dataclass
class Server:
    """A listening server. `received` holds what each connection sent before its handler ended."""

    port: int
    received: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def rules(self) -> Rules:
        return Rules(allow=frozenset({f"127.0.0.1:{self.port}"}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Recorded:
    """A connection that keeps what is read from it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = b""

    def until(self, done: Callable[[bytes], bool]) -> None:
        while not done(self.data):
            piece = self.connection.recv(65536)
            if not piece:
                return
            self.data += piece


@contextmanager
def serving(
    handle: Callable[[Recorded], None], *, address: str = "127.0.0.1", port: int = 0, receive: int = 0
) -> Iterator[Server]:
    """A server whose handler gets each connection. Problems of a handler other than a lost peer fail the test."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        listening.bind((address, port))
        listening.listen(16)
        server = Server(port=listening.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listening, server, handle), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=30)
    assert not thread.is_alive(), "the handler of a test server did not end"
    assert server.problems == []


def _accept(listening: socket.socket, server: Server, handle: Callable[[Recorded], None]) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        recorded = Recorded(connection)
        try:
            handle(recorded)
        except OSError:
            pass  # the client went away, which many tests want
        except Exception as error:  # noqa: BLE001  shown by the test
            server.problems.append(repr(error))
        finally:
            server.received.append(recorded.data)
            connection.close()


def whole(data: bytes) -> bool:
    """Whether these bytes are a complete request."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(body) >= (int(lengths[0].split(b":")[1]) if lengths else 0)


def answer(*pieces: bytes) -> Callable[[Recorded], None]:
    """A handler that reads the request, sends the pieces and closes."""

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        for piece in pieces:
            recorded.connection.sendall(piece)

    return handle


def reset(connection: socket.socket) -> None:
    """Close with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def resolving(*answers: str) -> Names:
    """A system whose every name has these addresses, and whose own address is none."""
    return Names(lookup=lambda _host, _port: answers, ours=lambda _: False)


class Turning:
    """A resolver that gives the next answer each time it is asked: what rebinding does."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def send(
    server: Server,
    request: Request = POST,
    *,
    timeouts: Timeouts = PATIENT,
    caps: Caps = http.USUAL_CAPS,
) -> Reply | SendFailure:
    """Send to a test server, with its own address opened."""
    return http.send(
        request, base_url=server.url, secret_headers={}, rules=server.rules, timeouts=timeouts, caps=caps
    )


def replied(result: Reply | SendFailure) -> Reply:
    """The reply; AssertionError with the failure otherwise."""
    assert isinstance(result, Reply), result
    return result


def failed(result: Reply | SendFailure) -> SendFailure:
    """The failure; AssertionError with the reply otherwise."""
    assert isinstance(result, SendFailure), result
    return result
