"""Decides how a worker lets go of a run, once nothing more can be started."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from orchestra.canonical import Json
from orchestra.engine import questions, scope, settling
from orchestra.engine.flight import Ending, Failure, Flight
from orchestra.errors import FailureClass, Invalid
from orchestra.workflows import graph


def conclude(flight: Flight, decision: graph.Decision | None) -> None:
    """Choose the ending; none while something is at work."""
    if flight.at_work:
        return
    if decision is None:
        _called_off(flight)
    elif decision.failed:
        _fail(flight, decision)
    elif decision.finished:
        _succeed(flight)
    elif flight.escalated():
        flight.ending = Ending("escalated", "a person must settle it", {"due_at": None})
    else:
        _wait(flight)


def due(flight: Flight) -> datetime | None:
    """When the run must be looked at again by itself: the nearest timer, expiry or deadline."""
    moments: list[datetime | None] = [flight.run.deadline_at]
    for node in flight.waiting():
        hop = node.hops[-1].columns if node.hops else {}
        moments += [hop.get("waits_until") or flight.waits_for(node, "waits_until"), node.deadline]
    moments += [q.expires_at for q in flight.questions.values() if q.state == "open"]
    moments += [ask.question.expires_at for ask in flight.asks]
    return min((moment for moment in moments if moment is not None), default=None)


def _called_off(flight: Flight) -> None:
    """Cancelled, failed by a person, halted, or given back because the worker stops."""
    run = flight.run
    children = [c for c in flight.children.values() if c.finished_at is None]
    if run.cancel_requested_at is not None or run.failure_class:
        if children:
            flight.ending = Ending("waiting", "its child runs are being cancelled", {"due_at": due(flight)})
        elif run.cancel_requested_at is not None:
            flight.ending = _end("cancelled", "as asked")
        else:
            flight.ending = _end("failed", run.failure_class)
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
    flight.ending = _end("failed", failure, failure_class=failure, error=f"{node.path}: {node.error}")


def _succeed(flight: Flight) -> None:
    try:
        output = _output(flight)
    except Invalid as error:
        failure = Failure(FailureClass.DATA_MISMATCH, f"The output of the run: {error.message}")
        questions.escalate_run(flight, "", failure)
        flight.ending = Ending("escalated", "its output cannot be made", {"due_at": None})
        return
    flight.ending = _end("succeeded", "every step is settled", output=output)


def _output(flight: Flight) -> Json:
    if flight.spec.output is not None:
        return scope.resolve(flight.spec.output, scope.scope(flight))
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


def _end(target: str, reason: str, **columns: Any) -> Ending:
    return Ending(target, reason, {"due_at": None, "finished_at": Now(), **columns})
