"""Sends one request to one address and reads one reply: the only way out of Orchestra over HTTP.
Refuses redirects, cookies, proxies, compression, second attempts; logs nothing of what passes.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from orchestra.contracts import NotSent, Reply, Request, SendFailure
from orchestra.edge import egress, hosts, messages, names, replies, secrets
from orchestra.edge.addresses import Address
from orchestra.edge.egress import Rules
from orchestra.edge.failures import Failed
from orchestra.edge.hosts import Refused, Target
from orchestra.edge.names import Names, NameUnknown
from orchestra.edge.replies import Caps, Head
from orchestra.edge.secrets import Secret
from orchestra.edge.wire import Clock, Wire
from orchestra.errors import Invalid

_NOT_PASSED_ON = frozenset({"set-cookie", "set-cookie2"})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: until the request may leave (name, connection, TLS together), and for all of it."""

    connect: float = 5.0
    total: float = 30.0


USUAL_TIMEOUTS: Final = Timeouts()
USUAL_CAPS: Final = Caps()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything about one sending; times are points on the clock."""

    request: Request
    target: Target
    secrets: Mapping[str, Secret]
    rules: Rules
    caps: Caps
    begun: float
    ready_by: float
    done_by: float
    send_by: float | None
    clock: Clock = field(repr=False)


def send(
    request: Request,
    *,
    base_url: str,
    secret_headers: Mapping[str, Secret | str],
    rules: Rules,
    timeouts: Timeouts = USUAL_TIMEOUTS,
    caps: Caps = USUAL_CAPS,
    send_by: float | None = None,
    clock: Clock = time.monotonic,
    system: Names = names.SYSTEM,
    ca_file: Path | None = None,
) -> Reply | SendFailure:
    """Send exactly this request once. `send_by` is a point on `clock` after which no first byte leaves.

    A redirect is a reply. Secrets that come back are replaced by `[secret]`; cookies are dropped. A secret header
    given as plain text is a secret as well. `ca_file` holds certificates to trust besides the system's. Raises nothing on purpose: every end is a Reply or a SendFailure.
    """
    begun = clock()
    try:
        target = _parsed(base_url)
        ready_by, done_by = begun + min(timeouts.connect, timeouts.total), begun + timeouts.total
        hidden = {name: secrets.hidden(value) for name, value in secret_headers.items()}
        plan = _Plan(request, target, hidden, rules, caps, begun, ready_by, done_by, send_by, clock)
        return _exchange(plan, system, ca_file)
    except Failed as failed:
        return SendFailure(failed.message, failed.not_sent, failed.timed_out, clock() - begun)


def _exchange(plan: _Plan, system: Names, ca_file: Path | None) -> Reply:
    """The life of a request: bytes, address, connection, TLS, sending, reply."""
    data = _rendered(plan)
    address = _resolved(plan, system)
    _check_plain_secrets(plan, address)
    trust = _trust(ca_file) if plan.target.scheme == "https" else None
    with closing(Wire.open(address, plan.target.port, deadline=plan.ready_by, clock=plan.clock)) as wire:
        if trust is not None:
            wire.encrypt(trust, str(plan.target.host), deadline=plan.ready_by)
        _check_still_in_time(plan)
        whole = wire.write(data, deadline=plan.done_by)
        head, body = replies.read(
            lambda: wire.read(deadline=plan.done_by), method=plan.request.method, caps=plan.caps
        )
        if not whole and head.status < 400:
            raise Failed("The other side answered well before it had the whole request: nobody can know.")
        wire.finish()
    return _scrubbed(plan, head, body)


def _parsed(base_url: str) -> Target:
    try:
        return hosts.parse(base_url)
    except Refused as error:
        raise Failed(error.message, not_sent=NotSent.REFUSED_ADDRESS) from None


def _rendered(plan: _Plan) -> bytes:
    try:
        return messages.write(plan.request, plan.target, plan.secrets)
    except Invalid as error:
        raise Failed(error.message, not_sent=NotSent.LOCAL) from None


def _resolved(plan: _Plan, system: Names) -> Address:
    limited = names.within(plan.ready_by - plan.clock(), system.lookup)
    try:
        return egress.resolve(plan.target.host, plan.target.port, plan.rules, limited, ours=system.ours)
    except Refused as error:
        raise Failed(error.message, not_sent=NotSent.REFUSED_ADDRESS) from None
    except NameUnknown as error:
        late = plan.clock() >= plan.ready_by
        raise Failed(error.message, not_sent=NotSent.NAME, timed_out=late) from None


def _check_plain_secrets(plan: _Plan, address: Address) -> None:
    """Secrets travel without TLS only where the binding itself opened the address."""
    target = plan.target
    if target.scheme == "http" and plan.secrets and not plan.rules.open(target.host, target.port, address):
        words = "A secret goes over https only, but to addresses that the binding opens: use https://."
        raise Failed(words, not_sent=NotSent.REFUSED_ADDRESS)


def _check_still_in_time(plan: _Plan) -> None:
    """The last look at the clock before the first byte: a process that was paused must not send late."""
    now = plan.clock()
    if now >= plan.ready_by or (plan.send_by is not None and now >= plan.send_by):
        raise Failed("It was too late to begin sending.", not_sent=NotSent.LOCAL, timed_out=True)


def _scrubbed(plan: _Plan, head: Head, body: bytes) -> Reply:
    """The reply without what must not be stored: secrets that were echoed, and cookies."""
    known = tuple(plan.secrets.values())
    headers = {
        name: secrets.scrub(value, known)
        for name, value in head.headers.items()
        if name not in _NOT_PASSED_ON
    }
    return Reply(head.status, headers, secrets.scrub_bytes(body, known), plan.clock() - plan.begun)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return _context(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)
    except (OSError, ssl.SSLError):
        raise Failed("The file of trusted certificates cannot be read.", not_sent=NotSent.TLS) from None


@lru_cache(maxsize=32)
def _context(ca_file: Path | None, changed: int) -> ssl.SSLContext:  # noqa: ARG001  a changed file is read anew
    """System certificates and those of the file. Made by hand: the default context obeys SSLKEYLOGFILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False  # a subject's common name was never proven to be a host
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
