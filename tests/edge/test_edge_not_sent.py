"""Proofs that nothing was sent: each is given where it holds, and withheld as soon as a byte may have left."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import ExitStack
from ipaddress import IPv4Address

import pytest

from orchestra.contracts import NotSent, Request
from orchestra.edge import http, names
from orchestra.edge.egress import Rules
from orchestra.edge.failures import Failed
from orchestra.edge.http import Timeouts
from orchestra.edge.names import Names, NameUnknown
from orchestra.edge.wire import Wire
from tests.edge.stage import (
    OK,
    POST,
    SOON,
    Recorded,
    answer,
    failed,
    replied,
    reset,
    resolving,
    send,
    serving,
)
from tests.waiting import until

LOCAL = IPv4Address("127.0.0.1")


def test_a_refused_address_is_proof() -> None:
    with serving(answer(OK)) as server:
        for url in (
            server.url,
            f"http://localhost:{server.port}",
            f"http://2130706433:{server.port}",
            "nonsense",
        ):
            result = http.send(POST, base_url=url, secret_headers={}, rules=Rules())
            assert failed(result).not_sent is NotSent.REFUSED_ADDRESS
    assert server.received == []


def test_a_name_that_resolves_inwards_is_refused() -> None:
    with serving(answer(OK)) as server:
        rules = Rules(ports=frozenset({server.port}))
        url = f"http://public.example:{server.port}"
        result = http.send(POST, base_url=url, secret_headers={}, rules=rules, system=resolving("127.0.0.1"))
        assert failed(result).not_sent is NotSent.REFUSED_ADDRESS
    assert server.received == []


def test_this_machine_by_its_public_address_is_refused() -> None:
    system = Names(lookup=lambda _host, _port: ["93.184.216.34"], ours=lambda _: True)
    result = http.send(
        POST, base_url="https://public.example", secret_headers={}, rules=Rules(), system=system
    )
    assert failed(result).not_sent is NotSent.REFUSED_ADDRESS


def test_a_name_that_does_not_resolve_is_proof() -> None:
    result = http.send(POST, base_url="https://nowhere.invalid", secret_headers={}, rules=Rules())
    failure = failed(result)
    assert failure.not_sent is NotSent.NAME
    assert "nowhere.invalid" in failure.message


def test_a_name_server_that_hangs_is_waited_for_no_longer_than_a_connection() -> None:
    hanging = threading.Event()

    def lookup(_host: str, _port: int) -> list[str]:
        hanging.wait(30)
        return ["93.184.216.34"]

    system = Names(lookup=lookup, ours=lambda _: False)
    result = http.send(
        POST, base_url="https://slow.example", secret_headers={}, rules=Rules(), system=system, timeouts=SOON
    )
    assert not hanging.is_set()
    hanging.set()
    assert (failed(result).not_sent, failed(result).timed_out) == (NotSent.NAME, True)


def test_a_refused_connection_is_proof() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    rules = Rules(allow=frozenset({f"127.0.0.1:{port}"}))
    result = http.send(POST, base_url=f"http://127.0.0.1:{port}", secret_headers={}, rules=rules)
    assert failed(result).not_sent is NotSent.CONNECT
    assert "refused" in failed(result).message


def test_a_connection_that_is_never_taken_is_proof() -> None:
    with ExitStack() as open_, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(4):  # fill the queue of the listener, so that the system drops what comes next
            waiting = open_.enter_context(socket.socket())
            waiting.settimeout(0.0)
            waiting.connect_ex(("127.0.0.1", port))
        rules = Rules(allow=frozenset({f"127.0.0.1:{port}"}))
        result = http.send(
            POST, base_url=f"http://127.0.0.1:{port}", secret_headers={}, rules=rules, timeouts=SOON
        )
    assert (failed(result).not_sent, failed(result).timed_out) == (NotSent.CONNECT, True)


def test_a_request_that_cannot_be_written_is_proof() -> None:
    with serving(answer(OK)) as server:
        assert failed(send(server, Request("POST", "x", (), b""))).not_sent is NotSent.LOCAL
    assert server.received == []


def test_past_send_by_nothing_is_sent() -> None:
    with serving(answer(OK)) as server:
        result = http.send(
            POST, base_url=server.url, secret_headers={}, rules=server.rules, send_by=time.monotonic() - 0.001
        )
        assert (failed(result).not_sent, failed(result).timed_out) == (NotSent.LOCAL, True)
    assert server.received in ([], [b""])


@pytest.mark.parametrize(("pause", "sent"), [(3600.0, False), (0.0, True)])
def test_a_process_that_was_paused_while_connecting_does_not_send(pause: float, sent: bool) -> None:
    """The clock jumps once the name was asked, as it does for a process that was stopped there."""
    asked = threading.Event()

    def lookup(_host: str, _port: int) -> list[str]:
        asked.set()
        return ["127.0.0.1"]

    with serving(answer(OK)) as server:
        result = http.send(
            POST,
            base_url=f"http://public.example:{server.port}",
            secret_headers={},
            rules=server.rules,
            system=Names(lookup=lookup, ours=lambda _: False),
            timeouts=Timeouts(connect=10_000, total=10_000),
            send_by=time.monotonic() + 100,
            clock=lambda: time.monotonic() + (pause if asked.is_set() else 0.0),
        )
        if sent:
            assert replied(result).status == 200
        else:
            assert failed(result).not_sent is NotSent.LOCAL
    assert sent or set(server.received) <= {b""}


def opened(port: int) -> Wire:
    """A connection to a test server, ready to write."""
    return Wire.open(LOCAL, port, deadline=time.monotonic() + 30, clock=time.monotonic)


@pytest.mark.parametrize("first", ["reset", "end", "words"])
def test_a_connection_that_ends_or_speaks_before_the_first_byte_is_proof(first: str) -> None:

    def handle(recorded: Recorded) -> None:
        if first == "words":
            recorded.connection.sendall(b"220 mail.example ESMTP\r\n")
        elif first == "end":
            recorded.connection.shutdown(socket.SHUT_WR)
        else:
            reset(recorded.connection)
        recorded.until(lambda _: False)

    with serving(handle) as server:
        wire = opened(server.port)
        until(lambda: select.select([wire._socket], [], [], 0)[0], what="what the other side did")
        with pytest.raises(Failed) as caught:
            wire.write(b"x", deadline=time.monotonic() + 30)
        wire.close()
    assert caught.value.not_sent is NotSent.CONNECT
    assert not wire.began


def test_the_first_byte_ends_all_proofs() -> None:
    done = threading.Event()

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        reset(recorded.connection)
        done.set()

    with serving(handle) as server:
        wire = opened(server.port)
        assert wire.write(b"x", deadline=time.monotonic() + 30)
        until(done.is_set, what="the other side")
        wire.write(b"y" * 100_000, deadline=time.monotonic() + 30)
        with pytest.raises(Failed) as caught:
            wire.read(deadline=time.monotonic() + 30)
        wire.close()
    assert (caught.value.not_sent, caught.value.timed_out) == (None, False)
    assert wire.began


def test_a_reset_seen_while_writing_is_never_the_clean_end_of_a_reply() -> None:
    """The system tells of a reset once and then shows a plain end, which would complete a reply without a length."""

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.sendall(b"HTTP/1.1 500 Oops\r\n\r\nhalf of the wor")

    with serving(handle, receive=4096) as server:
        result = send(server, Request("POST", "/", (), b"x" * 30_000_000))
    assert failed(result).not_sent is None


def test_the_system_resolves_names_and_knows_its_own_addresses() -> None:
    assert set(names.lookup("localhost", 80)) & {"127.0.0.1", "::1"}
    assert names.ours(LOCAL)
    assert not names.ours(IPv4Address("93.184.216.34"))


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".example", "."])
def test_a_name_that_is_none_is_said_in_words(name: str) -> None:
    with pytest.raises(NameUnknown, match="could not be resolved"):
        names.lookup(name, 80)
