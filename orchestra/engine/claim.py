"""Takes due runs under a lease and a fence, in batches, and loads what a worker must know of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from orchestra.audit.append import Event
from orchestra.engine.flight import Flight, Node
from orchestra.errors import FailureClass
from orchestra.models import HumanTask, Run, Step, WorkflowVersion
from orchestra.workflows import stored
from orchestra.workflows.spec import WorkflowSpec

# Not halted, due, oldest of the highest priority first. What another worker looks at is passed over.
SQL = """
WITH due AS (
  SELECT id, state FROM orchestra_run r
  WHERE r.state IN ('queued', 'waiting') AND r.due_at <= clock_timestamp() {only}
    AND NOT EXISTS (SELECT 1 FROM orchestra_halt h WHERE h.state = 'on'
      AND (h.scope = 'global' OR h.deployment_id = r.deployment_id OR h.run_id = r.id))
  ORDER BY r.priority DESC, r.due_at LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE orchestra_run r SET state = 'running', fence = r.fence + 1, worker_id = %(worker)s,
  lease_until = clock_timestamp() + %(lease)s * interval '1 second',
  started_at = coalesce(r.started_at, clock_timestamp()),
  deadline_at = coalesce(r.deadline_at, clock_timestamp() + (r.limits->>'wall_time')::float * interval '1 second')
FROM due WHERE r.id = due.id
RETURNING r.id, due.state, clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: flights, and the events of their moves, which the caller must append."""

    flights: list[Flight]
    events: list[Event]


def claim(worker_id: int, most: int, *, only: Sequence[int] | None = None) -> Claimed:
    """Claim up to `most` due runs, or those among the ids in `only`. Inside the caller's transaction."""
    if most <= 0 or only == []:
        return Claimed([], [])
    given: dict[str, Any] = {
        "most": most,
        "worker": worker_id,
        "lease": settings.LEASE,
        "only": list(only or []),
    }
    with connection.cursor() as cursor:
        cursor.execute(SQL.format(only="AND r.id = ANY(%(only)s)" if only is not None else ""), given)
        came = {run_id: (source, now) for run_id, source, now in cursor.fetchall()}
    if not came:
        return Claimed([], [])
    runs = Run.objects.select_related("deployment__environment").filter(pk__in=came)
    flights = [
        Flight(run=run, spec=spec_of(run.version_id), now=came[run.pk][1], seen=run.wake) for run in runs
    ]
    load([flight for flight in flights if flight.run.fence > 1 or flight.run.forked_from_id is not None])
    return Claimed(flights, [_event(flight, came[flight.run.pk][0]) for flight in flights])


def load(flights: Sequence[Flight]) -> None:
    """Read the steps of the flights and what they wait for."""
    if not flights:
        return
    steps: dict[int, list[Step]] = defaultdict(list)
    for step in Step.objects.filter(run__in=[flight.run.pk for flight in flights]).order_by("ordinal"):
        steps[step.run_id].append(step)
    for flight in flights:
        flight.nodes = {(step.path, step.item): _node(flight, step) for step in steps[flight.run.pk]}
    look(flights)


def look(flights: Sequence[Flight]) -> None:
    """Read again the questions and child runs that the flights wait for."""
    asked = [flight.run.pk for flight in flights]
    if not asked:
        return
    questions = _waited(flights, "waits_humantask_id")
    for flight in flights:
        flight.questions = {}
    by_run = {flight.run.pk: flight for flight in flights}
    for question in HumanTask.objects.filter(run__in=asked, state="open").select_related("answered_by"):
        by_run[question.run_id].questions[question.pk] = question
    for question in (
        HumanTask.objects.filter(pk__in=questions).select_related("answered_by") if questions else ()
    ):
        by_run[question.run_id].questions[question.pk] = question
    _children(flights)


@lru_cache(maxsize=256)
def spec_of(version_id: int) -> WorkflowSpec:
    """The spec of a published version; versions never change."""
    return stored.load(WorkflowVersion.objects.values_list("spec", flat=True).get(pk=version_id))


def _children(flights: Sequence[Flight]) -> None:
    waited = _waited(flights, "waits_run_id")
    found = Run.objects.in_bulk(waited) if waited else {}
    for flight in flights:
        mine = {
            node.row.waits_run_id
            for node in flight.waiting()
            if node.row is not None and node.row.waits_run_id
        }
        flight.children = {pk: found[pk] for pk in mine}


def _waited(flights: Iterable[Flight], column: str) -> list[int]:
    values = [flight.waits_for(node, column) for flight in flights for node in flight.waiting()]
    return [value for value in values if value is not None]


def _node(flight: Flight, step: Step) -> Node:
    step.run = flight.run
    return Node(
        path=step.path,
        item=step.item,
        kind=step.kind,
        phase=step.state,
        row=step,
        output=step.output,
        input=step.input,
        attempt=step.attempt,
        failure=FailureClass(step.failure_class) if step.failure_class else None,
        error=step.error,
        started=step.started_at,
        deadline=step.deadline_at,
    )


def _event(flight: Flight, source: str) -> Event:
    run = flight.run
    return Event(
        chain=run.chain,
        kind="run",
        object_id=run.pk,
        subject=run.subject,
        source=source,
        target="running",
        actor=flight.worker,
        reason="claimed",
        data={"fence": run.fence},
    )
