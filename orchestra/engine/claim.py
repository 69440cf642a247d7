"""Takes due runs under a lease and a fence, in batches, and loads what a worker must know of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models import (
    BooleanField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Now

from orchestra import moves
from orchestra.audit.append import Event
from orchestra.engine import scope
from orchestra.engine.flight import Flight, Node, is_gated, wall_time
from orchestra.errors import FailureClass, OrchestraError
from orchestra.models import Halt, HumanTask, Run, Step, WorkflowVersion
from orchestra.workflows import stored
from orchestra.workflows.spec import Kind, Limits, WorkflowSpec

#: The database's own function: whether a run, or one above it, is this one.
IS_UNDER = "orchestra_run_is_under"
#: Whether the halt of a row of halts is of a run above the outer one: children stand still with their parents.
ABOVE = Q(run__isnull=False) & Q(
    Func(
        OuterRef("parent_run_id"),
        F("run_id"),
        function=IS_UNDER,
        output_field=BooleanField(),
    )
)
HALTED = Halt.objects.filter(state="on").filter(
    Q(scope="global") | Q(deployment_id=OuterRef("deployment_id")) | Q(run_id=OuterRef("pk")) | ABOVE
)
#: The deadline of a run counts from its first claim.
WALL_TIME = ExpressionWrapper(
    Coalesce(Cast(KT("limits__wall_time"), FloatField()), Value(Limits().wall_time))
    * Value(timedelta(seconds=1)),
    output_field=DurationField(),
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: flights, and the events of their moves, which the caller must append."""

    flights: list[Flight]
    events: list[Event]


def claim(worker_id: int, most: int, *, only: Sequence[int] | None = None) -> Claimed:
    """Claim up to `most` due runs, or those among the ids in `only`. Inside the caller's transaction.

    Leaves out the suspects (see `claim_suspect`).
    """
    if most <= 0 or only == []:
        return Claimed([], [])
    return _take(worker_id, _due(only).exclude(takeovers__gt=0, takeovers=_last_life())[:most])


def claim_suspect(worker_id: int) -> Claimed:
    """Claim one due run that is to be quarantined if one more worker dies on it.

    One at a time for each worker: the run that kills must not take those down with it that flew along.
    """
    return _take(worker_id, _due(None).filter(takeovers__gt=0, takeovers=_last_life())[:1])


def is_suspect(run: Run) -> bool:
    """Whether the run is on its last life."""
    return 0 < run.takeovers == _last_life()


def _last_life() -> int:
    return settings.TAKEOVERS - 1


def _take(worker_id: int, due: QuerySet[Run]) -> Claimed:
    runs = list(due)
    events = moves.moved_all(
        runs,
        "running",
        actor=f"worker:{worker_id}",
        reason="claimed",
        fence=F("fence") + 1,
        worker_id=worker_id,
        lease_until=Now() + timedelta(seconds=settings.LEASE),
        started_at=Coalesce("started_at", Now()),
        deadline_at=Coalesce("deadline_at", Now() + WALL_TIME),
    )
    flights = [_flight(run, worker_id) for run in runs]
    load([flight for flight in flights if flight.run.fence > 1 or flight.run.forked_from_id is not None])
    return Claimed(flights, events)


def _due(only: Sequence[int] | None) -> QuerySet[Run]:
    """Not halted, due, oldest of the highest priority first. What another worker looks at is passed over."""
    rows = Run.objects.filter(state__in=["queued", "waiting"], due_at__lte=Now()).filter(~Exists(HALTED))
    if only is not None:
        rows = rows.filter(pk__in=only)
    rows = rows.select_for_update(of=("self",), no_key=True, skip_locked=True).annotate(seen_at=Now())
    return rows.select_related("deployment__environment").order_by("-priority", "due_at")


def _flight(run: Run, worker_id: int) -> Flight:
    """The claimed run as it now stands: we hold its lock, so what the update made of it is known."""
    run.fence, run.worker_id = run.fence + 1, worker_id
    moment: datetime = run.seen_at  # type: ignore[attr-defined]
    if run.deadline_at is None:
        run.deadline_at = moment + wall_time(run)
    return flight_of(run, moment, seen=run.wake)


def flight_of(run: Run, moment: datetime, *, seen: int) -> Flight:
    """A flight of a run. One whose version this release cannot read is broken: a person is asked, others go on."""
    try:
        return Flight(run=run, spec=spec_of(run.version_id), now=moment, seen=seen)
    except OrchestraError as error:
        unread = WorkflowSpec(name="", owner="operators", steps=())
        broken = f"Its workflow version cannot be read by this release: {error.message}"
        return Flight(run=run, spec=unread, now=moment, seen=seen, broken=broken, unread=True)


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
        gated=_is_gated(flight, step),
    )


def _is_gated(flight: Flight, step: Step) -> bool:
    """Of a version that cannot be read only the end is possible: whatever may have made calls ends with them."""
    if step.path.partition("~")[0] not in flight.spec.by_name:
        return step.kind in {Kind.AGENT, Kind.TOOL}
    return is_gated(scope.spec_for(flight, (step.path, step.item)))
