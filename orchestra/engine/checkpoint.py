"""Locks the runs of a worker, and writes what was decided for them: one transaction for many runs.

Refuses to write for a run whose fence has moved: another worker has it now.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from orchestra import moves
from orchestra.audit.append import Event, append
from orchestra.engine import cancel, claim, outbox
from orchestra.engine.flight import Flight, Node
from orchestra.errors import Bug
from orchestra.models import HumanTask, OutboxMessage, Run, Step

HOLD = """
SELECT r.id, r.fence, r.state, r.wake, r.cancel_requested_at, r.failure_class, r.limits, r.deadline_at, r.takeovers,
  clock_timestamp(),
  EXISTS (SELECT 1 FROM orchestra_halt h WHERE h.state = 'on'
    AND (h.scope = 'global' OR h.deployment_id = r.deployment_id OR h.run_id = r.id
    OR h.run_id IS NOT NULL AND orchestra_run_is_under(r.parent_run_id, h.run_id)))
FROM orchestra_run r WHERE r.id = ANY(%s) ORDER BY r.id FOR NO KEY UPDATE OF r
"""


@dataclass(slots=True)
class Written:
    """What must happen after the commit: runs to ring for."""

    rung: list[int] = field(default_factory=list)


def hold(flights: Sequence[Flight]) -> list[Flight]:
    """Lock the runs and their parents in the order of their ids; return the flights that are still ours.

    What changed while the worker was away (a wake, a cancel, a halt, a raised limit) is read under the lock,
    so nothing can come between this look and the write that follows.
    """
    if not flights:
        return []
    parents = {flight.run.parent_run_id for flight in flights if flight.run.parent_run_id}
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [sorted({flight.run.pk for flight in flights} | parents)])
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    held = [flight for flight in flights if _refresh(flight, found.get(flight.run.pk))]
    claim.look([flight for flight in held if flight.seen != flight.run.wake])
    for flight in held:
        if flight.seen != flight.run.wake:
            flight.history = None
        flight.seen = flight.run.wake
    return held


def write(flights: Sequence[Flight]) -> Written:
    """Write every planned move of the flights, with its event; the caller's transaction commits them all."""
    written = Written()
    dirty = [flight for flight in flights if flight.dirty()]
    events: list[Event] = []
    for flight in dirty:
        _note_progress(flight)
        events += _questions(flight)
        events += _children(flight, written)
        events += _closed(flight)
    for flight in dirty:
        events += _hops(flight)
    events += _births(dirty)
    for flight in dirty:
        events += _hops(flight)
        _link(flight)
        events += _call_off(flight, written)
        events += _ending(flight)
    written.rung += _wake_parents(dirty)
    append(events)
    return written


def noted(flights: Iterable[Flight]) -> None:
    """After a write: the plans are facts now, if the transaction commits."""
    for flight in flights:
        for ask in flight.asks:
            flight.questions[ask.question.pk] = ask.question
        for child in flight.starts:
            flight.children[child.run.pk] = child.run
        for plan in (flight.asks, flight.starts, flight.closed, flight.stopped):
            plan.clear()


def forget(flights: Iterable[Flight]) -> None:
    """After the commit nothing has to be taken in once more."""
    for flight in flights:
        flight.taken.clear()


def _refresh(flight: Flight, row: tuple[Any, ...] | None) -> bool:
    if row is None or row[0] != flight.run.fence or row[1] != "running":
        return False
    run = flight.run
    _, _, run.wake, run.cancel_requested_at, run.failure_class, limits, run.deadline_at, run.takeovers = row[
        :8
    ]
    run.limits = json.loads(limits)  # Django hands jsonb of raw queries on as text
    moment, flight.halted = row[8:]
    flight.now, flight.touched = moment, time.monotonic()
    return True


def _questions(flight: Flight) -> list[Event]:
    for ask in flight.asks:
        ask.question.group_id = group_id(ask.group)
    events = moves.born(
        [ask.question for ask in flight.asks], actor=flight.worker, reason="a person is needed"
    )
    for ask in flight.asks:
        if ask.node is not None:
            ask.node.hops[-1].columns["waits_humantask_id"] = ask.question.pk
    OutboxMessage.objects.bulk_create([outbox.asked(ask.question, ask.group) for ask in flight.asks])
    return events


def _children(flight: Flight, written: Written) -> list[Event]:
    events: list[Event] = []
    for child in flight.starts:
        events += moves.born([child.run], actor=flight.worker, reason=f"child of {flight.run.uid}")
        child.node.hops[-1].columns["waits_run_id"] = child.run.pk
        written.rung.append(child.run.pk)
    return events


def _closed(flight: Flight) -> list[Event]:
    return [
        moves.moved(question, target, actor=flight.worker, reason=reason, finished_at=Now())
        for question, target, reason in flight.closed
    ]


def _births(flights: Sequence[Flight]) -> list[Event]:
    """Insert the rows of all new nodes at once, each in the state of its first move."""
    events: list[Event] = []
    born: list[tuple[Flight, Node]] = []
    for flight in flights:
        count = sum(node.row is not None for node in flight.nodes.values())
        for node in flight.nodes.values():
            if node.row is None and node.hops:
                first = node.hops.pop(0)
                count += 1
                node.row = _step(flight, node, first.target, count, first.columns)
                node.first_reason = first.reason
                born.append((flight, node))
    rows = [node.row for _, node in born if node.row is not None]
    for event, (flight, node) in zip(moves.born(rows, actor="", reason=""), born, strict=True):
        events.append(_said(event, flight.worker, node.first_reason))
    return events


def _said(event: Event, actor: str, reason: str) -> Event:
    return Event(
        event.chain,
        event.kind,
        event.object_id,
        event.subject,
        event.source,
        event.target,
        actor,
        reason,
        event.data,
    )


def _step(flight: Flight, node: Node, state: str, ordinal: int, columns: dict[str, object]) -> Step:
    return Step(
        run=flight.run,
        path=node.path,
        item=node.item,
        kind=node.kind,
        ordinal=ordinal,
        state=state,
        **columns,
    )


def _hops(flight: Flight) -> list[Event]:
    """Move the rows that are there."""
    events: list[Event] = []
    for node in flight.nodes.values():
        if node.row is not None:
            events += [
                moves.moved(node.row, hop.target, actor=flight.worker, reason=hop.reason, **hop.columns)
                for hop in node.hops
            ]
            node.hops.clear()
    return events


def _link(flight: Flight) -> None:
    """The other half of two links that could not be written before both rows had an id."""
    for ask in flight.asks:
        if ask.node is not None and ask.node.row is not None:
            HumanTask.objects.filter(pk=ask.question.pk).update(step=ask.node.row)
    for child in flight.starts:
        if child.node.row is not None:
            Run.objects.filter(pk=child.run.pk).update(parent_step=child.node.row, parent_run=flight.run)


def _ending(flight: Flight) -> list[Event]:
    if flight.ending is None:
        return []
    ending, run = flight.ending, flight.run
    event = moves.moved(
        run,
        ending.target,
        actor=flight.worker,
        reason=ending.reason,
        only={"fence": run.fence},
        worker=None,
        lease_until=None,
        **ending.columns,
    )
    if run.finished_at is not None:
        outbox.announce(run)
    return [event]


def _wake_parents(flights: Sequence[Flight]) -> list[int]:
    """After every release: a parent that is let go in this transaction too must not miss the end of its child."""
    ended = [
        flight.run for flight in flights if flight.ending is not None and flight.run.finished_at is not None
    ]
    parents = sorted({run.parent_run_id for run in ended if run.parent_run_id is not None})
    if parents:
        wake(parents)
    return parents


def _call_off(flight: Flight, written: Written) -> list[Event]:
    """A child run is locked after its parent, by everybody who locks both."""
    if not flight.stopped:
        return []
    rows = Run.objects.filter(
        pk__in=flight.stopped, finished_at__isnull=True, cancel_requested_at__isnull=True
    )
    events: list[Event] = []
    for child in rows.order_by("pk").select_for_update(no_key=True):
        reason = f"called off by its parent {flight.run.uid}"
        events += cancel.call_off(child, actor=flight.worker, reason=reason)
        written.rung.append(child.pk)
    return events


def _note_progress(flight: Flight) -> None:
    """A step settles now, after the last worker died: the run is not what kills workers."""
    if not flight.run.takeovers or not any(node.hops and node.settled for node in flight.nodes.values()):
        return
    Run.objects.filter(pk=flight.run.pk, fence=flight.run.fence).update(takeovers=0)
    flight.run.takeovers = 0


def wake(run_ids: Sequence[int]) -> None:
    """Tell live runs that something happened. The caller holds their locks, or locks nothing after this."""
    live = Run.objects.filter(pk__in=run_ids, finished_at__isnull=True)
    live.update(wake=F("wake") + 1, due_at=Now())


def _group(name: str) -> int | None:
    return Group.objects.filter(name=name).values_list("pk", flat=True).first()


def group_id(name: str) -> int:
    """The id of a group; a group that is gone leaves its questions to the operators."""
    found = _group(name) or _group("operators")
    if found is None:
        raise Bug("The group operators is missing: run manage.py migrate.")
    return found
