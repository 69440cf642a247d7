"""What comes back: a complete, readable reply within the caps and in time, or a failure that admits ignorance."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts import Request
from orchestra.edge import replies
from orchestra.edge.failures import Failed
from orchestra.edge.replies import Caps
from tests.edge.stage import (
    GET,
    OK,
    SOON,
    TOKEN,
    Recorded,
    answer,
    failed,
    replied,
    reset,
    send,
    serving,
    whole,
)

SMALL = Caps(reply_bytes=1000, header_bytes=500)
H = b"HTTP/1.1 200 OK\r\n"
CHUNKED = H + b"Transfer-Encoding: chunked\r\n\r\n"

READABLE = {
    "with a length": (H + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "with a length and more after it": (H + b"Content-Length: 5\r\n\r\nhello, and more", b"hello"),
    "empty": (H + b"Content-Length: 0\r\n\r\n", b""),
    "without a length": (H + b"\r\nuntil the end", b"until the end"),
    "of HTTP 1.0": (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    "without a phrase": (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n1", b"1"),
    "with an odd phrase": (b"HTTP/1.1 200 \xe4!\r\nContent-Length: 1\r\n\r\n1", b"1"),
    "in chunks": (CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!"),
    "in chunks with extensions": (CHUNKED + b'005;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', b"hello"),
    "in chunks with trailers": (CHUNKED + b"A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", b"0123456789"),
    "after interim ones": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK, b"ok"),
    "without content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", b""),
    "identity by name": (H + b"Content-Encoding: identity\r\nContent-Length: 1\r\n\r\n1", b"1"),
    "gzip by content alone": (H + b"Content-Length: 22\r\n\r\n" + gzip.compress(b"zz", mtime=0), None),
}

UNREADABLE = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 20",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "another protocol": b"220 mail.example ESMTP\r\n",
    "HTTP 0.9": b"<html>hello</html>",
    "HTTP 2": b"HTTP/2 200\r\n\r\n",
    "HTTP 1.2": b"HTTP/1.2 200 OK\r\n\r\n",
    "small letters": b"http/1.1 200 OK\r\n\r\n",
    "a space before": b" HTTP/1.1 200 OK\r\n\r\n",
    "an empty line before": b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    "two spaces": b"HTTP/1.1  200 OK\r\n\r\n",
    "status 99": b"HTTP/1.1 99 OK\r\n\r\n",
    "status 600": b"HTTP/1.1 600 OK\r\n\r\n",
    "status 2000": b"HTTP/1.1 2000 OK\r\n\r\n",
    "negative status": b"HTTP/1.1 -20 OK\r\n\r\n",
    "an escape in the phrase": b"HTTP/1.1 200 \x1b[0m\r\n\r\n",
    "lines without carriage return": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "no carriage return at all": b"HTTP/1.1 200 OK\n\nhello",
    "two content types": H + b"Content-Type: a/b\r\ncontent-type: c/d\r\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": H + b"X: 1\rY: 2\r\n\r\n",
    "NUL in a header": H + b"X: \0\r\n\r\n",
    "a header without a colon": H + b"nonsense\r\n\r\n",
    "a header without a name": H + b": 1\r\n\r\n",
    "a space before the colon": H + b"Content-Length : 0\r\n\r\n",
    "a folded header": H + b"X: 1\r\n 2\r\n\r\n",
    "a head that stops": H + b"X: 1\r\n",
    "two lengths": H + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "two equal lengths": H + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": H + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": H + b"Content-Length: +5\r\n\r\nhello",
    "a length in other digits": H + "Content-Length: \u0665\r\n\r\nhello".encode(),
    "a hexadecimal length": H + b"Content-Length: 0x5\r\n\r\nhello",
    "an empty length": H + b"Content-Length:\r\n\r\nhello",
    "a body that is too short": H + b"Content-Length: 50\r\n\r\nhello",
    "length and chunks": H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two transfer codings": H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "compressed chunks": H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": H + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk of odd size": CHUNKED + b"five\r\nhello\r\n0\r\n\r\n",
    "a chunk of 0x size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk of negative size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk of endless size": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk with another end": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "a chunk longer than said": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "a chunk shorter than said": CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
    "chunks without an end": CHUNKED + b"5\r\nhello\r\n",
    "chunks that stop in their last line": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "chunk lines without carriage return": CHUNKED + b"5\nhello\n0\n\n",
    "a long chunk extension": CHUNKED + b"5;" + b"x" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    "garbage as trailer": CHUNKED + b"0\r\nnonsense\r\n\r\n",
    "another protocol asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "another protocol and then a reply": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
    "interim ones alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "interim ones without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
    "gzip": H + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(100_000)),
    "brotli": H + b"content-encoding: BR\r\nContent-Length: 5\r\n\r\nhello",
    "a long status line": b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
    "a long header": H + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "many headers": H + b"X: 1\r\n" * 50_000 + b"\r\n",
    "many trailers": CHUNKED + b"0\r\n" + b"X: 1\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.parametrize("name", READABLE)
def test_a_readable_reply_is_read(name: str) -> None:
    raw, body = READABLE[name]
    with serving(answer(raw)) as server:
        reply = replied(send(server))
    assert reply.body == (raw.partition(b"\r\n\r\n")[2] if body is None else body)
    assert reply.seconds > 0


@pytest.mark.parametrize("name", UNREADABLE)
def test_without_a_readable_reply_nobody_can_know(name: str) -> None:
    with serving(answer(UNREADABLE[name])) as server:
        failure = failed(send(server))
    assert (failure.not_sent, failure.timed_out) == (None, False)
    assert failure.message.endswith((".", "know."))
    assert failure.seconds > 0


def test_a_head_reply_has_no_body_whatever_its_length_says() -> None:
    with serving(answer(H + b"Content-Length: 500\r\nContent-Encoding: gzip\r\n\r\n")) as server:
        reply = replied(send(server, Request("HEAD", "/", (), b"")))
    assert (reply.body, reply.headers["content-length"]) == (b"", "500")


def test_headers_come_in_small_letters_joined_and_without_cookies() -> None:
    raw = (
        H
        + b"X-A: 1\r\nx-a:2\t \r\nSet-Cookie: session=1\r\nServer:\r\nX-B: \xe4\r\nContent-Length: 0\r\n\r\n"
    )
    with serving(answer(raw)) as server:
        reply = replied(send(server))
    assert reply.headers == {"x-a": "1, 2", "server": "", "x-b": "ä", "content-length": "0"}


@pytest.mark.parametrize(
    "raw",
    [
        H + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        H + b"Content-Length: 999999999999999\r\n\r\n",
        H + b"\r\n" + b"x" * 1001,
        CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nx\r\n" * 1001 + b"0\r\n\r\n",
        CHUNKED + (b"1;" + b"e" * 200 + b"\r\nx\r\n") * 100 + b"0\r\n\r\n",
    ],
)
def test_a_reply_over_the_cap_is_not_read(raw: bytes) -> None:
    with serving(answer(raw)) as server:
        failure = failed(send(server, caps=SMALL))
    assert failure.not_sent is None
    assert "cap" in failure.message


@pytest.mark.parametrize(
    "raw",
    [
        H + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
        H + b"\r\n" + b"x" * 1000,
        CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n",
    ],
)
def test_a_reply_of_just_the_cap_is_read(raw: bytes) -> None:
    with serving(answer(raw)) as server:
        assert len(replied(send(server, caps=SMALL)).body) == 1000


def endless(piece: bytes) -> Callable[[Recorded], None]:
    """A handler that never stops sending until it is cut off."""

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        while True:
            recorded.connection.sendall(piece)

    return handle


@pytest.mark.parametrize("first", [H + b"\r\n", CHUNKED, H, b"", H + b"X: "], ids=repr)
@pytest.mark.parametrize("piece", [b"x" * 65536, b"1000\r\n" + b"x" * 4096 + b"\r\n"], ids=["x", "chunks"])
def test_an_endless_reply_is_cut_off(first: bytes, piece: bytes) -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(first)
        endless(piece)(recorded)

    with serving(handle) as server:
        assert failed(send(server)).not_sent is None


def dripping(first: bytes, drops: Iterable[bytes], last: bytes) -> Callable[[Recorded], None]:
    """A handler that lets its reply drip: each piece well before anybody would call the connection idle."""

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(first)
        for drop in drops:
            recorded.connection.sendall(drop)
            time.sleep(0.05)
        recorded.connection.sendall(last)

    return handle


@pytest.mark.parametrize(
    ("first", "drop", "last"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK),
        (H + b"X: ", b"x", b"\r\nContent-Length: 0\r\n\r\n"),
        (H + b"Content-Length: 100\r\n\r\n", b"x", b""),
        (H + b"\r\n", b"x", b""),
        (CHUNKED, b"1\r\nx\r\n", b"0\r\n\r\n"),
        (CHUNKED + b"64\r\n", b"x", b"\r\n0\r\n\r\n"),
    ],
    ids=["interim", "head", "length", "until the end", "chunks", "one chunk"],
)
def test_a_reply_that_drips_ends_at_the_deadline(first: bytes, drop: bytes, last: bytes) -> None:
    with serving(dripping(first, [drop] * 100, last)) as server:
        failure = failed(send(server, timeouts=SOON))
    assert (failure.not_sent, failure.timed_out) == (None, True)


def test_silence_ends_at_the_deadline() -> None:
    quiet = threading.Event()

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        quiet.wait(30)

    with serving(handle) as server:
        failure = failed(send(server, timeouts=SOON))
        quiet.set()
    assert (failure.not_sent, failure.timed_out) == (None, True)


@pytest.mark.parametrize(
    "before",
    [b"", H, H + b"\r\nhalf", H + b"Content-Length: 9\r\n\r\nhalf", CHUNKED + b"4\r\nhalf\r\n"],
    ids=repr,
)
def test_a_reset_after_the_request_leaves_everything_open(before: bytes) -> None:
    sent = threading.Event()

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(before)
        sent.wait(0.2)
        reset(recorded.connection)

    with serving(handle) as server:
        assert failed(send(server)).not_sent is None


def test_a_half_closed_connection_gives_its_reply() -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(OK)
        recorded.connection.shutdown(socket.SHUT_WR)
        recorded.until(lambda _: False)

    with serving(handle) as server:
        assert replied(send(server)).body == b"ok"


def test_a_connection_closed_for_writing_gives_none() -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.shutdown(socket.SHUT_WR)
        recorded.until(lambda _: False)

    with serving(handle) as server:
        assert failed(send(server)).not_sent is None


def test_no_failure_repeats_what_came_back() -> None:
    for raw in (
        TOKEN.encode() + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + TOKEN.encode() + b"\r\n\r\n",
        H + b"Content-Length: " + TOKEN.encode() + b"\r\n\r\n",
        H + b"Content-Encoding: " + TOKEN.encode() + b"\r\n\r\n",
        CHUNKED + TOKEN.encode() + b"\r\n",
    ):
        with serving(answer(raw)) as server:
            assert TOKEN not in repr(failed(send(server, GET)))


def source(pieces: Iterable[bytes]) -> replies.Source:
    """A source that gives these pieces and then the end."""
    left = iter(pieces)
    return lambda: next((piece for piece in left if piece), b"")


def outcome(pieces: Iterable[bytes]) -> object:
    try:
        return replies.read(source(pieces), method="POST", caps=Caps())
    except Failed as failure:
        return failure.message


@given(
    raw=st.sampled_from([raw for raw, _ in READABLE.values()] + list(UNREADABLE.values())[:50]),
    data=st.data(),
)
def test_a_reply_means_the_same_however_it_is_cut(raw: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert outcome(pieces) == outcome([raw])


@given(
    start=st.sampled_from([b"", H, H + b"Content-Length: ", CHUNKED, CHUNKED + b"5\r\n"]), noise=st.binary()
)
def test_noise_is_a_reply_or_a_failure_and_nothing_else(start: bytes, noise: bytes) -> None:
    assert outcome([start + noise]) is not None
