"""The life of one tool call: check it, count it, see what fault is due, do it, answer. Knows no routes.

Refuses arguments that do not fit the tool's schema; a business refusal is an answer like another.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from examples.store import effects, exact, faults, tools, worlds
from examples.store.data import Data
from examples.store.database import Pool, Session
from examples.store.effects import Outcome
from examples.store.faults import Fault
from examples.store.settings import Settings
from examples.store.tools import BadArguments, Tool

KEY = re.compile(r"[!-~]{1,200}")
log = logging.getLogger("store")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back as JSON. `cut`: nothing goes back, the connection ends."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


LOST = Answer(200, None, cut=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes tool calls."""

    settings: Settings
    data: Data
    pool: Pool

    def take(self, world: str, name: str, *, body: bytes, key: str | None) -> Answer:
        """Answer one call; `body` holds the arguments. UnknownTool, BadArguments, BadWorld, KeyReused."""
        tool = tools.find(name)
        arguments = _arguments(tool, body)
        _check_key(key)
        with self.pool.connection() as session:
            visit = worlds.enter(session, world, tool=name, lasting=tool.writes, data=self.data.digest)
            call = effects.Call(
                world=world,
                dialect=visit.dialect,
                tool=name,
                arguments=arguments,
                key=key if tool.writes else None,
            )
            fault = faults.due(session, visit, name) if visit.faulty else None
            if fault is None:
                return _answer(self._do(session, tool, call))
        return self._with_fault(tool, call, fault)

    def _with_fault(self, tool: Tool, call: effects.Call, fault: Fault) -> Answer:
        """Refuse it, or do it as slow, lost or late as was ordered."""
        if fault.kind == "busy":
            return Answer(fault.status, fault.body, {"Retry-After": f"{fault.seconds:.0f}"})
        if fault.kind == "error":
            return Answer(fault.status, fault.body)
        if fault.kind == "late":
            late = threading.Timer(fault.seconds, self._do_late, [tool, call])
            late.daemon = True
            late.start()
            return LOST
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        outcome = self._do_apart(tool, call)
        return LOST if fault.kind == "lost" else _answer(outcome)

    def _do_apart(self, tool: Tool, call: effects.Call) -> Outcome:
        """Do it in a transaction that does not count it."""
        with self.pool.connection() as session:
            worlds.lock(session, call.world)
            return self._do(session, tool, call)

    def _do(self, session: Session, tool: Tool, call: effects.Call) -> Outcome:
        if tool.writes:
            return effects.perform(session, self.data, call, key_life=self.settings.key_life)
        return effects.look(session, self.data, call)

    def _do_late(self, tool: Tool, call: effects.Call) -> None:
        try:
            outcome = self._do_apart(tool, call)
        except Exception:
            log.exception("store.late_effect_failed world=%s tool=%s", call.world, call.tool)
        else:
            log.info("store.late_effect world=%s tool=%s status=%s", call.world, call.tool, outcome.status)


def _answer(outcome: Outcome) -> Answer:
    headers = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
    return Answer(outcome.status, outcome.body, headers)


def _arguments(tool: Tool, body: bytes) -> Mapping[str, Any]:
    try:
        return tool.check(exact.read_foreign(body))
    except exact.NotPlain as problem:
        raise BadArguments(str(problem)) from None


def _check_key(key: str | None) -> None:
    if key is not None and not KEY.fullmatch(key):
        raise BadArguments("an Idempotency-Key has 1 to 200 visible characters")
