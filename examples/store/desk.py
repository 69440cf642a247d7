"""The life of one tool call: count it, see what fault is due, check it, do it, answer. Knows no routes.

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
from examples.store.database import Pool
from examples.store.faults import Fault
from examples.store.settings import Settings
from examples.store.tools import BadArguments, Tool
from examples.store.worlds import Visit

KEY = re.compile(r"[!-~]{1,200}")
log = logging.getLogger("store")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back as JSON. `cut`: nothing goes back, the connection ends."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes tool calls."""

    settings: Settings
    data: Data
    pool: Pool

    def take(self, world: str, name: str, *, body: bytes, key: str | None) -> Answer:
        """Answer one call; `body` holds the arguments. UnknownTool, BadArguments, BadWorld, KeyReused."""
        tool = tools.find(name)
        with self.pool.connection() as session:
            visit = worlds.enter(session, world, tool=name, data=self.data.digest)
            fault = faults.due(session, visit, name)
        if fault and fault.kind == "busy":
            return Answer(fault.status, fault.body, {"Retry-After": f"{fault.seconds:.0f}"})
        if fault and fault.kind == "error":
            return Answer(fault.status, fault.body)
        call = _call(visit, tool, body, key)
        return self._with_fault(tool, call, fault) if fault else self._do(tool, call)

    def _with_fault(self, tool: Tool, call: effects.Call, fault: Fault) -> Answer:
        """Do it as slow, lost or late as was ordered."""
        if fault.kind == "late":
            late = threading.Timer(fault.seconds, self._do_late, [tool, call])
            late.daemon = True
            late.start()
        elif fault.kind == "delay":
            time.sleep(fault.seconds)
            return self._do(tool, call)
        else:
            self._do(tool, call)
        return Answer(200, None, cut=True)

    def _do(self, tool: Tool, call: effects.Call) -> Answer:
        with self.pool.connection() as session:
            if not tool.writes:
                outcome = effects.look(session, self.data, call)
            else:
                outcome = effects.perform(session, self.data, call, key_life=self.settings.key_life)
        headers = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
        return Answer(outcome.status, outcome.body, headers)

    def _do_late(self, tool: Tool, call: effects.Call) -> None:
        try:
            answer = self._do(tool, call)
        except Exception:
            log.exception("store.late_effect_failed world=%s tool=%s", call.world, call.tool)
        else:
            log.info("store.late_effect world=%s tool=%s status=%s", call.world, call.tool, answer.status)


def _call(visit: Visit, tool: Tool, body: bytes, key: str | None) -> effects.Call:
    try:
        arguments = exact.read_foreign(body)
    except exact.NotPlain as problem:
        raise BadArguments(str(problem)) from None
    if key is not None and not KEY.fullmatch(key):
        raise BadArguments("an Idempotency-Key has 1 to 200 visible characters")
    return effects.Call(
        world=visit.world,
        dialect=visit.dialect,
        tool=tool.name,
        arguments=tool.check(arguments),
        key=key if tool.writes else None,
    )
