"""TLS: the name in the base URL is proven although the connection goes to a resolved address; else nothing is sent."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestra.contracts import NotSent, Reply, Request, SendFailure
from orchestra.edge import http
from orchestra.edge.http import Timeouts
from orchestra.edge.names import Names
from tests.edge.stage import (
    OK,
    PATIENT,
    POST,
    SOON,
    TOKEN,
    Recorded,
    Server,
    answer,
    failed,
    replied,
    resolving,
    serving,
    whole,
)

STORE = x509.DNSName("store.example")


class Authority:
    """A certificate authority of a test: signs what it is asked to."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self.sign(self.name, self.key, [], days=10, authority=True)
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[x509.GeneralName],
        *,
        days: int,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self.key, hashes.SHA256())

    def context(self, *names: x509.GeneralName, days: int = 10) -> ssl.SSLContext:
        """A server's side with a new certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store.example")])
        file = self.folder / f"server-{x509.random_serial_number()}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + self.sign(subject, key, list(names), days=days).public_bytes(serialization.Encoding.PEM)
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "trusted")


@contextmanager
def secured(
    context: ssl.SSLContext, handle: Callable[[Recorded], None]
) -> Iterator[tuple[Server, list[str]]]:
    """A TLS server, and the names that clients asked for."""
    asked: list[str] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    def shaking_hands(recorded: Recorded) -> None:
        with context.wrap_socket(recorded.connection, server_side=True) as encrypted:
            recorded.connection = encrypted
            handle(recorded)

    with serving(shaking_hands) as server:
        yield server, asked


def answering(recorded: Recorded) -> None:
    """Read, answer, and say that this was all, as TLS does."""
    answer(OK)(recorded)
    assert isinstance(recorded.connection, ssl.SSLSocket)
    recorded.connection.unwrap()


def send(
    server: Server,
    *,
    ca_file: Path | None,
    host: str = "store.example",
    request: Request = POST,
    timeouts: Timeouts = PATIENT,
    system: Names | None = None,
) -> Reply | SendFailure:
    return http.send(
        request,
        base_url=f"https://{host}:{server.port}",
        secret_headers={"Authorization": f"Bearer {TOKEN}"},
        rules=server.rules,
        ca_file=ca_file,
        timeouts=timeouts,
        system=system or resolving("127.0.0.1"),
    )


def test_the_name_is_asked_for_and_proven_at_the_resolved_address(authority: Authority) -> None:
    with secured(authority.context(STORE), answering) as (server, asked):
        assert replied(send(server, ca_file=authority.file)).body == b"ok"
    assert asked == ["store.example"]
    assert f"Host: store.example:{server.port}\r\n".encode() in server.received[0]


def test_an_address_is_proven_by_its_own_certificate(authority: Authority) -> None:
    local = x509.IPAddress(IPv4Address("127.0.0.1"))
    with secured(authority.context(local), answering) as (server, _):
        assert replied(send(server, ca_file=authority.file, host="127.0.0.1")).status == 200


@pytest.mark.parametrize(
    ("name", "days", "trusted"),
    [
        (x509.DNSName("other.example"), 10, True),
        (x509.DNSName("*.store.example"), 10, True),
        (x509.IPAddress(IPv4Address("127.0.0.1")), 10, True),
        (STORE, -1, True),
        (STORE, 10, False),
    ],
    ids=["another name", "a wildcard below", "the address only", "expired", "unknown authority"],
)
def test_a_wrong_certificate_gets_no_byte_of_the_request(
    authority: Authority, name: x509.GeneralName, days: int, trusted: bool
) -> None:
    with secured(authority.context(name, days=days), answering) as (server, _):
        failure = failed(send(server, ca_file=authority.file if trusted else None))
    assert failure.not_sent is NotSent.TLS
    assert "certificate" in failure.message
    assert server.received == [b""]


def test_a_server_that_speaks_plainly_gets_no_byte_of_the_request(authority: Authority) -> None:
    def handle(recorded: Recorded) -> None:
        recorded.connection.sendall(OK)
        recorded.until(lambda _: False)

    with serving(handle) as server:
        failure = failed(send(server, ca_file=authority.file))
    assert failure.not_sent is NotSent.TLS
    assert TOKEN.encode() not in server.received[0]


def test_a_handshake_that_hangs_ends_in_time(authority: Authority) -> None:
    quiet = threading.Event()

    def handle(recorded: Recorded) -> None:
        quiet.wait(30)

    with serving(handle) as server:
        failure = failed(send(server, ca_file=authority.file, timeouts=SOON))
        quiet.set()
    assert (failure.not_sent, failure.timed_out) == (NotSent.TLS, True)


def test_old_versions_of_tls_are_refused(authority: Authority) -> None:
    context = authority.context(STORE)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with secured(context, answering) as (server, _):
        assert failed(send(server, ca_file=authority.file)).not_sent is NotSent.TLS


def test_a_large_request_and_reply_pass(authority: Authority) -> None:
    body = b"x" * 3_000_000

    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"y" * 2_000_000)

    with secured(authority.context(STORE), handle) as (server, _):
        reply = replied(send(server, ca_file=authority.file, request=Request("POST", "/", (), body)))
    assert reply.body == b"y" * 2_000_000
    assert server.received[0].endswith(body)


@pytest.mark.parametrize("said", [True, False], ids=["said", "cut"])
def test_a_reply_without_a_length_ends_only_where_tls_says_so(authority: Authority, said: bool) -> None:
    def handle(recorded: Recorded) -> None:
        recorded.until(whole)
        recorded.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        assert isinstance(recorded.connection, ssl.SSLSocket)
        if said:
            recorded.connection.unwrap()

    with secured(authority.context(STORE), handle) as (server, _):
        result = send(server, ca_file=authority.file)
    if said:
        assert replied(result).body == b"half"
    else:
        assert failed(result).not_sent is None


def test_an_early_answer_over_tls_is_no_success(authority: Authority) -> None:
    go_on = threading.Event()

    def handle(recorded: Recorded) -> None:
        recorded.until(lambda data: data != b"")
        recorded.connection.sendall(OK)
        go_on.wait(30)

    with secured(authority.context(STORE), handle) as (server, _):
        result = send(server, ca_file=authority.file, request=Request("POST", "/", (), b"x" * 30_000_000))
        go_on.set()
    assert failed(result).not_sent is None


def test_keys_of_connections_are_written_nowhere(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    fresh = Authority(tmp_path, "fresh")  # so that no context made before is used
    with secured(fresh.context(STORE), answering) as (server, _):
        assert replied(send(server, ca_file=fresh.file)).status == 200
    assert not (tmp_path / "keys").exists()


def test_a_file_of_certificates_that_cannot_be_read_is_said_before_connecting(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    with serving(answer(OK)) as server:
        for file in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
            assert failed(send(server, ca_file=file)).not_sent is NotSent.TLS
    assert server.received == []
