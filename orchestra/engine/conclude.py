"""Decides how a worker lets go of a run, once nothing more can be started."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import questions, scope, settling
from orchestra.engine.flight import Ending, Failure, Flight
from orchestra.errors import FailureClass, Invalid
from orchestra.workflows import graph


def conclude(flight: Flight, decision: graph.Decision | None) -> None:
    """Choose the ending; none while something is at work, or `calls` has to look at a step first."""
    if decision is not None and decision.failed:
        _stop_calls(flight)
    if flight.at_work or any(node.due for node in flight.nodes.values()):
        flight.alarm = min((m for m in _moments(flight) if m > flight.now), default=None)
        return
    if decision is None:
        _called_off(flight)
    elif decision.failed:
        _fail(flight, decision)
    elif decision.finished and _in_doubt(flight):
        flight.ending = _until_settled(flight)
    elif decision.finished:
        _succeed(flight)
    elif flight.escalated():
        flight.ending = Ending("escalated", "a person must settle it", {"due_at": None})
    else:
        _wait(flight)


def due(flight: Flight) -> datetime | None:
    """When the run must be looked at again by itself: the nearest timer, expiry or deadline."""
    return min(_moments(flight), default=None)


def _moments(flight: Flight) -> list[datetime]:
    moments: list[datetime | None] = [flight.run.deadline_at]
    for node in flight.nodes.values():
        if node.phase == "waiting":
            hop = node.hops[-1].columns if node.hops else {}
            moments.append(hop.get("waits_until") or flight.waits_for(node, "waits_until"))
        if node.phase in {"waiting", "running"}:
            moments += [node.deadline, node.alarm]
    moments += [question.expires_at for question in flight.open_questions()]
    moments += [ask.question.expires_at for ask in flight.asks]
    return [moment for moment in moments if moment is not None]


def _called_off(flight: Flight) -> None:
    """Cancelled, failed by a person, halted, or given back because the worker stops."""
    run = flight.run
    children = [c for c in flight.children.values() if c.finished_at is None]
    if flight.called_off:
        if children:
            flight.ending = Ending("waiting", "its child runs are being cancelled", {"due_at": None})
        elif _in_doubt(flight):
            flight.ending = _until_settled(flight)
        elif run.cancel_requested_at is not None:
            _end(flight, "cancelled", "as asked")
        else:
            _end(flight, "failed", run.failure_class)
    elif flight.escalated():
        flight.ending = Ending("escalated", "a person must settle it", {"due_at": None})
    else:
        why = "halted" if flight.halted else "given back by a worker that stops"
        flight.ending = Ending("queued", why, {"due_at": Now()})


def _fail(flight: Flight, decision: graph.Decision) -> None:
    """A failure that nothing handles: call off what is left, then end."""
    node = flight.last_round(decision.failed[0]) or flight.node(flight.spec.by_name[decision.failed[0]])
    failure = str(node.failure or FailureClass.BUG)
    for other in list(flight.nodes.values()):
        if not other.settled and (other.row is not None or other.hops):
            settling.cancel(flight, other, "the run fails")
    if any(node.due for node in flight.nodes.values()):
        return
    if _in_doubt(flight):
        flight.ending = _until_settled(flight)
        return
    _end(flight, "failed", failure, failure_class=failure, error=f"{node.path}: {node.error}")


def _stop_calls(flight: Flight) -> None:
    """The run fails: no other branch may send anything more."""
    for node in list(flight.nodes.values()):
        if node.gated and not node.settled and node.row is not None:
            settling.cancel(flight, node, "the run fails")


def _in_doubt(flight: Flight) -> bool:
    """Whether calls that may have happened must settle before the run may end."""
    return any(node.unwanted and not node.settled for node in flight.nodes.values())


def _until_settled(flight: Flight) -> Ending:
    alarms = (node.alarm for node in flight.nodes.values() if node.alarm is not None and not node.settled)
    return Ending("waiting", "calls under way must settle first", {"due_at": min(alarms, default=None)})


def _succeed(flight: Flight) -> None:
    try:
        output = _output(flight)
    except Invalid as error:
        failure = Failure(FailureClass.DATA_MISMATCH, f"The output of the run: {error.message}")
        questions.escalate_run(flight, "", failure)
        flight.ending = Ending("escalated", "its output cannot be made", {"due_at": None})
        return
    _end(flight, "succeeded", "every step is settled", output=output)


def _output(flight: Flight) -> Json:
    made = (
        _last(flight)
        if flight.spec.output is None
        else scope.resolve(flight.spec.output, scope.scope(flight))
    )
    return canonical.check(made, limits=settling.limits(flight))


def _last(flight: Flight) -> Json:
    nodes = {
        node.name: node.output
        for node in flight.nodes.values()
        if node.phase == "succeeded" and node.item < 0
    }
    return {name: nodes[name] for name in graph.last(flight.spec) if name in nodes}


def _wait(flight: Flight) -> None:
    if flight.waiting() or any(node.phase == "running" for node in flight.nodes.values()):
        flight.ending = Ending("waiting", "nothing is ready", {"due_at": due(flight)})
        return
    failure = Failure(
        FailureClass.BUG, "Nothing is ready, nothing is waited for, and the run is not finished."
    )
    questions.escalate_run(flight, "", failure)
    flight.ending = Ending("escalated", "it cannot go on", {"due_at": None})


def _end(flight: Flight, target: str, reason: str, **columns: Any) -> None:
    """The run is over, and so is every question about it."""
    flight.asks = [ask for ask in flight.asks if ask.node is not None and not ask.node.settled]
    asked = [question for question in flight.open_questions() if question.kind != "unknown"]
    flight.closed += [(question, "cancelled", "the run has ended") for question in asked]
    flight.ending = Ending(target, reason, {"due_at": None, "finished_at": Now(), **columns})
