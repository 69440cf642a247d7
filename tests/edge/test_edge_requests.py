"""What leaves: exactly the approved bytes, plus what the edge adds, and never a header that the tool smuggled in."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orchestra.contracts import NotSent, Request
from orchestra.edge import http
from orchestra.edge.egress import Rules
from orchestra.edge.http import Timeouts
from orchestra.edge.names import Names
from orchestra.edge.secrets import Secret
from tests.edge.stage import (
    GET,
    OK,
    PATIENT,
    POST,
    TOKEN,
    Recorded,
    Turning,
    answer,
    failed,
    replied,
    send,
    serving,
    whole,
)

ROOT = Path(__file__).resolve().parents[2]


def test_exactly_the_approved_bytes_arrive() -> None:
    body = bytes(range(256)) + b"\r\n\r\nGET / HTTP/1.1\r\n"
    headers = (("X-Second", "2"), ("content-TYPE", 'a/b; c="d"'), ("x-first", ""), ("X-Second", "again"))
    request = Request("PATCH", "/a/../b//%2e%2E/c?d=e&d=%00&f[]=;|{}", headers, body)
    with serving(answer(OK)) as server:
        result = http.send(
            request,
            base_url=server.url,
            secret_headers={"Authorization": Secret(TOKEN).prefixed("Bearer "), "X-Key": Secret(TOKEN)},
            rules=server.rules,
        )
        assert replied(result).body == b"ok"
    assert server.received == [
        b"PATCH /a/../b//%2e%2E/c?d=e&d=%00&f[]=;|{} HTTP/1.1\r\n"
        b"Host: 127.0.0.1:" + str(server.port).encode() + b"\r\n"
        b"X-Second: 2\r\n"
        b'content-TYPE: a/b; c="d"\r\n'
        b"x-first: \r\n"
        b"X-Second: again\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
        b"X-Key: " + TOKEN.encode() + b"\r\n"
        b"Content-Length: 276\r\n"
        b"Connection: close\r\n"
        b"\r\n" + body
    ]  # fmt: skip


def test_a_request_without_a_body_has_no_length() -> None:
    with serving(answer(OK)) as server:
        replied(send(server, GET))
    expected = f"GET /orders HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept-Encoding: identity\r\n"
    assert server.received == [(expected + "Connection: close\r\n\r\n").encode()]


def test_an_empty_post_says_that_it_is_empty() -> None:
    with serving(answer(OK)) as server:
        replied(send(server, Request("POST", "/", (), b"")))
    assert b"\r\nContent-Length: 0\r\n" in server.received[0]


def test_a_large_body_arrives_whole() -> None:
    body = b"0123456789abcdef" * 500_000
    with serving(answer(OK)) as server:
        replied(send(server, Request("POST", "/", (), body)))
    assert server.received[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/", (("X", "1\r\nHost: evil"),), b""),
        Request("POST", "/", (("X", "1\nY: 2"),), b""),
        Request("POST", "/", (("X", "1\r"),), b""),
        Request("POST", "/", (("X", "1\0"),), b""),
        Request("POST", "/", (("X", "\x7f"),), b""),
        Request("POST", "/", (("X", "ä"),), b""),
        Request("POST", "/", (("X", "\u2028"),), b""),
        Request("POST", "/", (("X", " 1"),), b""),
        Request("POST", "/", (("X", "1 "),), b""),
        Request("POST", "/", (("X\r\nY", "1"),), b""),
        Request("POST", "/", (("X:", "1"),), b""),
        Request("POST", "/", (("X ", "1"),), b""),
        Request("POST", "/", (("", "1"),), b""),
        Request("POST", "/", (("Host", "evil"),), b""),
        Request("POST", "/", (("hOST", "evil"),), b""),
        Request("POST", "/", (("Content-Length", "5"),), b""),
        Request("POST", "/", (("Transfer-Encoding", "chunked"),), b""),
        Request("POST", "/", (("Connection", "Upgrade"),), b""),
        Request("POST", "/", (("Expect", "100-continue"),), b""),
        Request("POST", "/", (("Accept-Encoding", "gzip"),), b""),
        Request("POST", "/", (("authorization", "mine"),), b""),
        Request("POST", "http://evil.example/", (), b""),
        Request("POST", "//evil.example/ HTTP/1.1\r\nX: 1", (), b""),
        Request("POST", "evil", (), b""),
        Request("POST", "*", (), b""),
        Request("POST", "", (), b""),
        Request("POST", "/a b", (), b""),
        Request("POST", "/a#b", (), b""),
        Request("POST", "/ä", (), b""),
        Request("POST", "/a\0", (), b""),
        Request("CONNECT", "/", (), b""),
        Request("TRACE", "/", (), b""),
        Request("POST /x HTTP/1.1\r\nA:", "/", (), b""),
        Request("post", "/", (), b""),
        Request("", "/", (), b""),
    ],
    ids=repr,
)
def test_nothing_is_sent_that_could_be_read_as_something_else(request_: Request) -> None:
    with serving(answer(OK)) as server:
        result = http.send(
            request_,
            base_url=server.url,
            secret_headers={"Authorization": TOKEN},
            rules=server.rules,
            timeouts=PATIENT,
        )
        assert failed(result).not_sent is NotSent.LOCAL
        assert TOKEN not in repr(result)
    assert server.received == []


@pytest.mark.parametrize("value", [f"{TOKEN}\r\nX: 1", f"{TOKEN}\n", f"{TOKEN}\0", f"{TOKEN}é"])
def test_a_secret_that_would_break_the_line_is_not_sent_and_not_named(value: str) -> None:
    with serving(answer(OK)) as server:
        result = http.send(POST, base_url=server.url, secret_headers={"X-Key": value}, rules=server.rules)
        assert failed(result).not_sent is NotSent.LOCAL
        assert "X-Key" in failed(result).message
        assert TOKEN not in repr(result)
    assert server.received == []


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    turning = Turning(["127.0.0.1"], ["127.0.0.2"])
    with serving(answer(OK)) as server, serving(answer(OK), address="127.0.0.2", port=server.port) as trap:
        result = http.send(
            POST,
            base_url=f"http://turning.example:{server.port}",
            secret_headers={},
            rules=server.rules,
            system=Names(lookup=turning, ours=lambda _: False),
        )
        assert replied(result).status == 200
    assert turning.asked == 1
    assert f"Host: turning.example:{server.port}".encode() in server.received[0]
    assert trap.received == []


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer(OK)) as proxy, serving(answer(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        replied(send(server))
    assert len(server.received) == 1
    assert proxy.received == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_reply_and_is_not_followed(status: int) -> None:
    with serving(answer(OK)) as other:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(answer(moved)) as server:
            reply = replied(send(server))
    assert (reply.status, reply.headers["location"]) == (status, f"{other.url}/")
    assert other.received == []
    assert len(server.received) == 1


def test_secrets_go_without_tls_only_where_the_binding_opened_the_address() -> None:
    result = http.send(
        POST,
        base_url="http://public.example",
        secret_headers={"X-Key": TOKEN},
        rules=Rules(),
        system=Names(lookup=lambda _host, _port: ["93.184.216.34"], ours=lambda _: False),
        timeouts=Timeouts(connect=0.2, total=0.2),
    )
    assert failed(result).not_sent is NotSent.REFUSED_ADDRESS
    assert "https" in failed(result).message


def test_what_was_not_delivered_at_the_deadline_is_taken_back() -> None:
    stuck, ends = threading.Event(), []

    def handle(recorded: Recorded) -> None:
        stuck.wait(30)
        try:
            recorded.until(lambda _: False)
        except ConnectionResetError:
            ends.append("reset")

    body = b"x" * 30_000_000
    with serving(handle, receive=4096) as server:
        result = failed(send(server, Request("POST", "/", (), body), timeouts=Timeouts(connect=5, total=0.6)))
        stuck.set()
    assert (result.not_sent, result.timed_out) == (None, True)
    assert ends == ["reset"]
    assert len(server.received[0]) < len(body)


KILLED = """
import sys
from orchestra.contracts import Request
from tests.edge.stage import Server, send, PATIENT
print(send(Server(int(sys.argv[1])), Request("POST", "/", (), b"x" * 30_000_000)))
"""


def test_what_a_killed_process_had_not_delivered_is_taken_back() -> None:
    stuck, begun, ends = threading.Event(), threading.Event(), []

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        begun.set()
        stuck.wait(30)
        try:
            recorded.until(lambda _: False)
        except ConnectionResetError:
            ends.append("reset")

    with serving(handle, receive=4096) as server:
        client = subprocess.Popen([sys.executable, "-c", KILLED, str(server.port)], cwd=ROOT)
        try:
            assert begun.wait(60)
        finally:
            client.kill()
            client.wait(30)
            stuck.set()
    assert ends == ["reset"]


@pytest.mark.parametrize(("status", "believed"), [(200, False), (302, False), (413, True), (503, True)])
def test_an_answer_before_the_whole_request_counts_only_when_it_says_no(status: int, believed: bool) -> None:
    reply = f"HTTP/1.1 {status} Early\r\nContent-Length: 2\r\n\r\nok".encode()
    go_on = threading.Event()

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.sendall(reply)
        go_on.wait(30)

    with serving(handle, receive=4096) as server:
        result = send(server, Request("POST", "/", (), b"x" * 30_000_000))
        go_on.set()
    if believed:
        assert replied(result).status == status
    else:
        assert failed(result).not_sent is None
        assert "before" in failed(result).message


def test_an_early_refusal_is_read_even_when_the_connection_is_then_closed() -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with serving(handle, receive=4096) as server:
        assert replied(send(server, Request("POST", "/", (), b"x" * 30_000_000))).status == 413


def test_an_interim_answer_does_not_stop_the_request() -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        recorded.until(whole)
        recorded.connection.sendall(OK)

    with serving(handle, receive=4096) as server:
        assert replied(send(server, Request("POST", "/", (), b"x" * 5_000_000))).status == 200


def test_both_sides_may_speak_at_once_without_a_standstill() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"y" * 1_000_000

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        recorded.connection.sendall(reply)

    with serving(handle, receive=4096) as server:
        assert not failed(send(server, Request("POST", "/", (), b"x" * 30_000_000))).timed_out
