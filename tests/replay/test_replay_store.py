"""The replay's client of the store: what it says when nobody answers, and that it outlives an idle connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestra.local import ports
from reviews.replay.store import Store, StoreProblem


class Curt(BaseHTTPRequestHandler):
    """Keeps connections alive in words, and ends them without a word after each answer."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Pages of a ledger, an unknown world, and good health."""
        pages = {
            "/ledger?after=0&limit=1000": b'{"effects": [{"number": 1}], "next": 1}',
            "/ledger?after=1&limit=1000": b'{"effects": [{"number": 2, "amount": 1.10}], "next": null}',
            "/healthz": b"{}",
        }
        body = pages.get(self.path, b'{"error": "no such world"}')
        self.send_response(200 if self.path in pages else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    server = HTTPServer(("127.0.0.1", 0), Curt)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Store(f"127.0.0.1:{server.server_port}", "token", "admin")
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_ledger_is_read_to_its_end_over_connections_that_end(store: Store) -> None:
    assert [str(row.get("amount", "")) for row in store.ledger()] == ["", "1.10"]


def test_what_the_store_refuses_is_told(store: Store) -> None:
    assert store.answers()
    with pytest.raises(StoreProblem, match="answers GET /worlds/w/state with 404"):
        store.state("w")


def test_a_store_that_is_not_there_does_not_answer() -> None:
    assert not Store(f"127.0.0.1:{ports.any_free()}", "", "").answers()
