"""A door between a worker and PostgreSQL that a test can hold shut: it loses commits or their replies, or says nothing.

Refuses to change a byte. Whether the server has done what was lost, the worker must find out by itself.
"""

from __future__ import annotations

import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.databases import Database

PIECE = 65_536
COMMIT = b"COMMIT"

Cut = Callable[[bytes], bool]


class Proxy:
    """Listens on a free port and passes everything on to one server."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.unheard = 0  # commits whose reply was lost
        self.unsaid = 0  # commits that were lost themselves
        self.chance = random.Random(7)
        self.share = 0.0  # of the commits at which the connection is cut
        self.stop_at: bytes | None = None  # hang after passing on a request with these bytes
        self._passing = threading.Event()
        self._passing.set()
        self._ends: list[socket.socket] = []  # client, server, client, server...
        self._sessions: list[socket.socket] = []  # servers that were not told of the end
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def hangs(self) -> bool:
        """Whether nothing is passed on."""
        return not self._passing.is_set()

    def hang(self) -> None:
        """Pass nothing on; both ends believe that the other is there."""
        self._passing.clear()

    def go_on(self) -> None:
        """Pass on what has waited, and all else."""
        self.stop_at = None
        self._passing.set()

    def cut_clients_off(self) -> None:
        """End all connections for the clients alone: the server still believes in them. New ones pass."""
        self._sessions += self._ends[1::2]
        for client in self._ends[::2]:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def close(self) -> None:
        """End all of it."""
        self._listener.close()
        self.go_on()
        for end in self._ends + self._sessions:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                if self._listener.fileno() < 0:
                    return
                client.close()  # the server is away
                continue
            self._ends += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                self._passing.wait()
                for end in ready:
                    if not self._piece(end, server if end is client else client, asks=end is client):
                        return
        except (OSError, ValueError):
            return
        finally:
            client.close()
            if server not in self._sessions:
                server.close()

    def _piece(self, source: socket.socket, target: socket.socket, *, asks: bool) -> bool:
        """Pass on one piece. False when the connection is to end."""
        piece = source.recv(PIECE)
        if not piece:
            return False
        if asks and COMMIT in piece and self.chance.random() < self.share:
            self._lose(piece, target)
            return False
        target.sendall(piece)
        if asks and self.stop_at is not None and self.stop_at in piece:
            self.hang()
        return True

    def _lose(self, commit: bytes, server: socket.socket) -> None:
        """Now what was asked, now the answer."""
        if self.unheard <= self.unsaid:
            server.sendall(commit)
            server.recv(PIECE)  # the server has done it
            self.unheard += 1
        else:
            self.unsaid += 1


@contextmanager
def before(port: int) -> Iterator[Proxy]:
    """A proxy before that port."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


def through(door: Proxy, database: Database) -> dict[str, str]:
    """The variables of a worker that reaches PostgreSQL through the door only."""
    port = str(database.postgres.port)
    return {name: url.replace(f":{port}/", f":{door.port}/") for name, url in database.environment().items()}
