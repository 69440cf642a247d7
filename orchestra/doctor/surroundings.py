"""Looks at what the rules cannot see: clocks, Redis, lag, messages that do not leave, events that no seal covers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from orchestra.metrics import readings
from orchestra.metrics.readiness import Level, report
from orchestra.metrics.readings import Ask

#: Seconds that this machine's clock may be away from the database's.
CLOCK: Final = 5.0
#: Seconds that a due run may wait while workers are there, and a message that should have left.
LAG: Final = 60.0
#: Seconds after which events ought to be under a seal.
SEALED_WITHIN: Final = 26 * 3600.0

DUE = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - r.due_at)), 0) FROM orchestra_run r
WHERE r.state IN ('queued', 'waiting') AND r.due_at <= clock_timestamp() AND NOT EXISTS (
  SELECT 1 FROM orchestra_halt h WHERE h.state = 'on' AND (h.scope = 'global'
    OR h.deployment_id = r.deployment_id OR h.run_id = r.id
    OR h.run_id IS NOT NULL AND orchestra_run_is_under(r.parent_run_id, h.run_id)))
"""
MESSAGES = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - due_at)), 0) FROM orchestra_outboxmessage
WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at <= clock_timestamp()
"""
UNSEALED = """
SELECT extract(epoch FROM clock_timestamp() - min(at)) FROM orchestra_auditevent
WHERE at > coalesce((SELECT max(at) FROM orchestra_auditseal), '-infinity')
"""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something around the ledger that needs a person, and what to do about it."""

    what: str
    remedy: str


def look(ask: Ask) -> Iterator[Warned]:
    """What is not as it should be around the ledger. Raises Unavailable when PostgreSQL goes away."""
    for check in report().checks:
        if check.level is not Level.OK and check.name != "stuck_runs":
            yield Warned(f"{check.name}: {check.detail}", check.remedy)
    for each in (_clock, _due, _messages, _unsealed):
        yield from each(ask)


def _clock(ask: Ask, now: Callable[[], float] = time.time) -> Iterator[Warned]:
    before = now()
    away = readings.figure(ask, "SELECT extract(epoch FROM clock_timestamp())") - (before + now()) / 2
    if abs(away) > CLOCK:
        said = f"clock: the database's is {abs(away):.0f} s {'ahead of' if away > 0 else 'behind'} this machine's"
        yield Warned(said, "Nothing is decided by this machine's clock, but set it: pages and logs show it.")


def _due(ask: Ask) -> Iterator[Warned]:
    lag = readings.figure(ask, DUE)
    if lag > LAG:
        yield Warned(
            f"lag: a run has been due for {lag:.0f} s", "Start more workers, or look why these are busy."
        )


def _messages(ask: Ask) -> Iterator[Warned]:
    lag = readings.figure(ask, MESSAGES)
    if lag > LAG:
        yield Warned(
            f"messages: one should have left {lag:.0f} s ago", "Start a worker: it brings them away."
        )


def _unsealed(ask: Ask) -> Iterator[Warned]:
    [(age,)] = ask(UNSEALED, {})
    if age is not None and float(age) > SEALED_WITHIN:
        said = f"record: events of the last {float(age) / 3600:.0f} hours are under no seal"
        yield Warned(
            said,
            "Run `manage.py audit seal` daily, and keep the seals where the database's owner cannot write.",
        )
