"""What hands do for steps that use tools: ask a model, read a foreign system, send a request. Off the database.

Secrets are resolved here, in the moment of sending, and seen by nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestra import logs
from orchestra.agents import border
from orchestra.canonical import Json
from orchestra.contracts import ModelReply, ModelRequest, NotSent, Reply, Request, SendFailure
from orchestra.edge import http, secrets
from orchestra.edge.egress import Rules
from orchestra.edge.http import Timeouts
from orchestra.edge.secrets import Secret
from orchestra.engine.case import Reading
from orchestra.errors import Bug, OrchestraError, Unavailable
from orchestra.tools import observing, rendering, replies, templates
from orchestra.tools.bindings import Address
from orchestra.tools.declarations import Declaration
from orchestra.tools.observing import Wanted
from orchestra.tools.templates import ARGUMENTS
from orchestra.tools.toolbox import Equipped

#: How often a reading is tried, and the pause before each further time (seconds).
PAUSES: Final = (0.0, 0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a tool: the declaration, where it is, and by which reference its secret is found."""

    equipped: Equipped
    address: Address

    @property
    def declaration(self) -> Declaration:
        """What the tool says of itself."""
        return self.equipped.declaration


@dataclass(frozen=True, slots=True)
class AskModel:
    """One question to a model, in a version of an agent; `number` is that of the turn which the answer makes."""

    adapter: str
    request: ModelRequest
    version_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a call's tool wants to be read, and its preview; `reading` are the tools for it."""

    declaration: Declaration
    arguments: Json
    reading: Mapping[str, Access]


@dataclass(frozen=True, slots=True)
class Send:
    """One sending of exactly these bytes; no first byte leaves after `send_by` (monotonic)."""

    access: Access
    request: Request
    send_by: float


def do(errand: object) -> ModelReply | Reading | Reply | SendFailure:
    """Run an errand. A model's trouble is raised; of what is read or sent, every end is a value."""
    match errand:
        case AskModel():
            return border.load(errand.adapter).next(errand.request)
        case Read():
            return read(errand)
        case Send():
            return send(errand)
    raise Bug(f"{type(errand).__name__} is no errand")


def send(errand: Send) -> Reply | SendFailure:
    """Send once. An error of our own leaves it open whether anything left."""
    try:
        return _reach(errand.access, errand.request, send_by=errand.send_by)
    except Exception as error:  # noqa: BLE001  whatever it is, nobody knows how far it came
        logs.event("call.send_broke", level=logs.ERROR, error=error, tool=errand.access.equipped.name)
        return SendFailure(f"{type(error).__name__} while sending.")


def read(errand: Read) -> Reading:
    """The observed state and the preview of a call, as they are now; tried again while a system is away."""
    at = time.monotonic()
    observed: dict[str, Json] | None = None
    for pause in PAUSES:
        time.sleep(pause)
        try:
            observed = observing.observe(errand.declaration, errand.arguments, _reader(errand))
            break
        except Unavailable as error:
            logs.event(
                "call.unread", level=logs.WARNING, tool=errand.declaration.name, retry=str(error.retry)
            )
        except OrchestraError as error:
            logs.event("call.unreadable", level=logs.WARNING, error=error, tool=errand.declaration.name)
            break
    return Reading(observed, _preview(errand, observed), at)


def _reader(errand: Read) -> observing.Reader:
    def each(wanted: Sequence[Wanted]) -> Sequence[Json]:
        return [_look(errand.reading[one.tool], one.arguments) for one in wanted]

    return each


def _look(access: Access, arguments: Json) -> Json:
    request = rendering.render(access.declaration, arguments, prefix=access.address.prefix)
    return replies.observed(access.declaration, _reach(access, request))


def _preview(errand: Read, observed: Mapping[str, Json] | None) -> Json:
    """What the tool says would happen; None when it cannot say."""
    use = errand.declaration.preview
    if use is None or observed is None:
        return None
    scope: dict[str, Json] = {ARGUMENTS: errand.arguments, "observed": dict(observed)}
    try:
        return _look(errand.reading[use.tool], templates.fill(use.with_, scope))
    except OrchestraError as error:
        logs.event("call.unpreviewed", level=logs.WARNING, error=error, tool=errand.declaration.name)
        return None


def _reach(access: Access, request: Request, *, send_by: float | None = None) -> Reply | SendFailure:
    equipped = access.equipped
    try:
        hidden = _secret(equipped)
    except OrchestraError as error:
        return SendFailure(error.message, NotSent.LOCAL)
    return http.send(
        request,
        base_url=access.address.origin,
        secret_headers=hidden,
        rules=Rules(equipped.allow),
        timeouts=Timeouts(total=access.declaration.timeout),
        send_by=send_by,
    )


def _secret(equipped: Equipped) -> dict[str, Secret | str]:
    if not equipped.secret_reference:
        return {}
    found = secrets.resolve(equipped.secret_reference)
    return {
        equipped.secret_header: found.prefixed(equipped.secret_prefix) if equipped.secret_prefix else found
    }
