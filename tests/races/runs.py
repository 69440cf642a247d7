"""Runs of small workflows, and the parts of a worker's round one by one, so that a test can come in between."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.functions import Now

from orchestra import moves
from orchestra.audit.append import append
from orchestra.engine import checkpoint, claim, plan, publish
from orchestra.engine.connections import borrow
from orchestra.engine.flight import Flight
from orchestra.intake import tasks as intake
from orchestra.models import Person, Run
from orchestra.people import persons

ASKS = """
kind: workflow
name: asks
spec:
  owner: operators
  steps:
    ask:
      {kind: human, group: operators, title: May it go on, form: {type: object}, repeat: {until: "false", at_most: 60}}
"""


def begin() -> Person:
    """An operator, and a workflow that asks one question after the other; nothing is remembered of another database."""
    claim.spec_of.cache_clear()
    operator = persons.add(name="olga", full_name="Olga", groups=["operators"], password=None)
    publish.text(ASKS, by=operator, environment="dev")
    return operator


def submit(by: Person) -> Run:
    """A run that is due."""
    request = intake.Request(workflow="asks", environment="dev", payload={}, source="command")
    return intake.accept(request, by=by).run


def take(worker: int, most: int, *, only: Sequence[int] | None = None) -> list[Flight]:
    """Claim, as a worker does."""
    with borrow():
        claimed = claim.claim(worker, most, only=only)
        append(claimed.events)
    return claimed.flights


def let_go(flights: Sequence[Flight]) -> None:
    """Look, decide, write."""
    with borrow():
        decide(checkpoint.hold(flights))


def decide(held: Sequence[Flight]) -> None:
    """Decide and write, inside the caller's transaction."""
    for flight in held:
        plan.decide(flight)
    checkpoint.write(held)


def many(by: Person, count: int) -> list[Run]:
    """Runs that are due, made in one statement."""
    first = submit(by)
    columns = {
        name: getattr(first, name) for name in ("task_id", "deployment_id", "version_id", "limits", "input")
    }
    made = [Run(state="queued", due_at=Now(), **columns) for _ in range(count)]
    with borrow():
        append(moves.born(made, actor="system", reason="made by a test"))
    return made
