"""Brings one step to its end: success, another try, or the road that its `on_failure` names."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import questions, retry, scope
from orchestra.engine.flight import Failure, Flight, Node
from orchestra.errors import FailureClass, Invalid
from orchestra.models import Step
from orchestra.workflows.spec import ESCALATE

LONGEST_ERROR = 2_000


def succeed(flight: Flight, node: Node, output: object, reason: str) -> None:
    """Settle a step with its output, or fail it when the output breaks a limit or does not do."""
    try:
        kept = canonical.check(output, limits=limits(flight))
    except Invalid as error:
        fail(flight, node, Failure(FailureClass.DATA_MISMATCH, f"The output cannot be kept: {error.message}"))
        return
    shortfall = _shortfall(flight, node, kept)
    if shortfall is not None:
        fail(flight, node, shortfall)
        return
    settle(node, kept, reason)


def settle(node: Node, output: Json, reason: str) -> None:
    """Write the output down, without further questions."""
    node.output = output
    node.go("succeeded", reason, output=output, failure_class="", error="", **_times(node))
    _look_again(node)


def fail(flight: Flight, node: Node, failure: Failure) -> None:
    """Try again later, ask the owner, or let the failure stand for the rest of the graph.

    In a run that is being ended nothing is tried again, and nobody is asked.
    """
    step = scope.inner(flight, node)
    if flight.called_off:
        give_up(node, failure)
        return
    node.deadline = None
    told = {
        "failure_class": str(failure.failure_class), "error": failure.message[:LONGEST_ERROR], "deadline_at": None,
    }  # fmt: skip
    if retry.worth_it(step.retry, failure, node.attempt):
        wait = retry.delay(step.retry, node.attempt, random.random())
        until = flight.clock() + timedelta(seconds=wait)
        node.go("waiting", f"retry after {failure.failure_class}", waits_until=until, **told)
    elif step.on_failure == ESCALATE:
        questions.escalate_step(flight, node, failure)
        node.go("waiting", f"escalated after {failure.failure_class}", **told)
    else:
        give_up(node, failure)


def give_up(node: Node, failure: Failure) -> None:
    """The failure stands."""
    node.failure, node.error = failure.failure_class, failure.message[:LONGEST_ERROR]
    node.go("failed", str(node.failure), failure_class=str(node.failure), error=node.error, **_times(node))
    _look_again(node)


def cancel(flight: Flight, node: Node, reason: str) -> None:
    """Stop a step that is no longer wanted, with its question or child run, and with what was planned for it."""
    if node.gated and node.row is not None and node.phase in {"running", "waiting"}:
        _call_off(flight, node, reason)
        return
    flight.unplan(node)
    question = flight.questions.get(flight.waits_for(node, "waits_humantask_id") or 0)
    if question is not None and question in flight.open_questions():
        flight.closed.append((question, "cancelled", reason))
    child = flight.children.get(flight.waits_for(node, "waits_run_id") or 0)
    if child is not None and child.finished_at is None:
        flight.stopped.append(child.pk)
    node.go("cancelled", reason, finished_at=Now())
    _look_again(node)
    if node.item == Step.NO_ITEM:
        for item in flight.items(node.path):
            if not item.settled:
                cancel(flight, item, reason)


def _call_off(flight: Flight, node: Node, reason: str) -> None:
    """A step that uses tools ends when its calls have: `calls` sees to that."""
    if node.unwanted:
        return
    question = flight.questions.get(flight.waits_for(node, "waits_humantask_id") or 0)
    if question is not None and question.kind == "escalation" and question in flight.open_questions():
        flight.closed.append((question, "cancelled", reason))
    node.unwanted, node.due = reason, True


def _look_again(node: Node) -> None:
    """What was set aside for a step that uses tools and is over is settled by `calls`, whoever ended it."""
    node.due = node.gated and node.row is not None


def _times(node: Node) -> dict[str, Any]:
    """A step that was never written down as running tells its start now."""
    return (
        {"finished_at": Now()}
        if node.row is not None
        else {"started_at": node.started or Now(), "finished_at": Now()}
    )


def limits(flight: Flight) -> canonical.Limits:
    """What one stored value of the run may be."""
    return canonical.Limits(size=int(flight.run.limits["payload"]))


def _shortfall(flight: Flight, node: Node, output: Json) -> Failure | None:
    """What the output lacks: an exit criterion, or the end of the repeating in the last round."""
    step = scope.inner(flight, node)
    if not step.ensures and step.repeat is None:
        return None
    names = {**scope.scope(flight, node), "output": output}
    try:
        if missing := scope.unmet(step.ensures, names):
            return Failure(FailureClass.DATA_MISMATCH, "Not met at the end: " + "; ".join(missing))
        if step.repeat is None or scope.holds(step.repeat.until, names):
            return None
    except Invalid as error:
        return Failure(FailureClass.DATA_MISMATCH, error.message)
    rounds = step.repeat.at_most
    return None if node.round < rounds else Failure(FailureClass.LIMIT, f"Not done after {rounds} rounds.")
