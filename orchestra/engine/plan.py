"""Looks after one flight around `advance`: is it due, is its memory to be trusted, did deciding itself fail."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.conf import settings

from orchestra import logs
from orchestra.engine import births, claim, kinds, questions, scope
from orchestra.engine.advance import advance
from orchestra.engine.flight import Ending, Failure, Flight, Job, Slot
from orchestra.errors import FailureClass
from orchestra.models import Run

#: Seconds after which a step that is at work is shown as running.
SHOWN_AFTER = 1.0


def is_due(flight: Flight) -> bool:
    """Whether there is a reason to look at the run: news, or a clock that has run out."""
    if flight.arrivals or flight.woken or flight.doubted or not flight.at_work or flight.draining:
        return True
    now = time.monotonic()
    if flight.alarm is not None and flight.clock() >= flight.alarm:
        return True
    return any(_overdue(flight, slot, now) for slot in flight.at_work)


def decide(flight: Flight) -> None:
    """Decide what the run does next. An error of our own becomes a question to the owner."""
    if flight.doubted:
        reload(flight)
    if flight.broken and not (flight.unread and flight.called_off):  # ending it needs no spec
        _put_before_a_person(flight, "", Failure(FailureClass.BUG, flight.broken))
        return
    if flight.run.takeovers >= settings.TAKEOVERS and not flight.called_off:
        _quarantine(flight)
        return
    try:
        advance(flight)
        while flight.starts and births.prepare_children(flight):
            advance(flight)
        _show(flight)
    except Exception as error:  # noqa: BLE001  one run's trouble must not stop the others
        logs.event("run.undecided", level=logs.ERROR, error=error, run=flight.run.uid)
        reload(flight)
        message = f"{type(error).__name__} while deciding the next step."
        _put_before_a_person(flight, "", Failure(FailureClass.BUG, message))


def drain(flights: Iterable[Flight], *, patient: bool) -> None:
    """The worker stops: start nothing; when patience is over, leave behind what is still at work."""
    for flight in flights:
        flight.draining = True
        if not patient:
            flight.at_work.clear()


def reload(flight: Flight) -> None:
    """Forget every plan and read the run's steps again, under its lock.

    Results that were not written are taken in once more, and work that still goes on is kept, unless the
    database says that its step has moved on.
    """
    never_begun = {id(work) for work in flight.begin}
    jobs = [job for job in flight.at_work.values() if id(job.work) not in never_begun]
    jobs += [job for job, _ in flight.taken]
    flight.arrivals[:0] = [arrival for _, arrival in flight.taken]
    for planned in (
        flight.taken,
        flight.results,
        flight.begin,
        flight.asks,
        flight.starts,
        flight.closed,
        flight.stopped,
    ):
        planned.clear()
    flight.ending, flight.looked, flight.doubted, flight.at_work, flight.history = (
        None,
        False,
        False,
        {},
        None,
    )
    flight.run = Run.objects.select_related("deployment__environment").get(pk=flight.run.pk)
    claim.load([flight])
    for job in jobs:
        _keep(flight, job)
    flight.stir()


def _keep(flight: Flight, job: Job) -> None:
    node = flight.nodes.get(job.work.key)
    if node is None:
        node = flight.node(scope.spec_for(flight, job.work.key), *job.work.key)
        node.phase, node.attempt = "running", job.attempt
    if node.phase == "running" and (node.gated or node.attempt == job.attempt):
        flight.at_work[job.work.slot] = job


def _overdue(flight: Flight, slot: Slot, now: float) -> bool:
    job, node = flight.at_work[slot], flight.nodes.get(slot[:2])
    if node is None:
        return True
    timeout = scope.timeout(flight, slot)
    if timeout is not None and now - job.since > timeout:
        return True
    return node.row is None and now - job.since > SHOWN_AFTER


def _show(flight: Flight) -> None:
    now = time.monotonic()
    for slot, job in flight.at_work.items():
        node = flight.nodes[slot[:2]]
        if node.row is None and not node.hops and now - job.since > SHOWN_AFTER:
            kinds.write_down(node)


def _quarantine(flight: Flight) -> None:
    """A run that several workers did not survive is not given to another before a person has looked."""
    suspects = sorted(str(node.row) for node in flight.nodes.values() if node.phase == "running" and node.row)
    message = (
        f"{flight.run.takeovers} workers died on this run. At work then: {', '.join(suspects) or 'unknown'}."
    )
    logs.event("run.quarantined", level=logs.ERROR, run=flight.run.uid, workers=flight.run.takeovers)
    _put_before_a_person(flight, "takeovers", Failure(FailureClass.LOST_WORKER, message))


def _put_before_a_person(flight: Flight, limit: str, failure: Failure) -> None:
    """Let go of the run with a question; results of work that is still under way are lost, and done again."""
    for known in (flight.at_work, flight.arrivals, flight.taken, flight.results, flight.begin):
        known.clear()
    questions.escalate_run(flight, limit, failure)
    flight.ending = Ending("escalated", "it cannot go on by itself", {"due_at": None})
