"""Runs: finding them, following what happens in one, and what operators do with it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field, StrictInt

from orchestra.api import callers, cursors, shapes, waiting
from orchestra.api.callers import Caller, Token
from orchestra.api.shapes import Cursor, Place, Reason, Short, Who
from orchestra.api.waiting import Wait
from orchestra.engine import cancel, fork
from orchestra.engine.connections import borrow
from orchestra.models import AuditEvent, Run, Step
from orchestra.people import roles
from orchestra.people.roles import Holder
from orchestra.runs import listing, why
from orchestra.runs.listing import Filters

router = Router(tags=["Runs"])
After = Annotated[
    str, Query(max_length=400, description="`next` of the answer before; empty: from the start.")
]
EVENTS: Final = 100


class RunListed(BaseModel):
    """A run in a list."""

    uid: UUID
    task: UUID
    place: Place
    state: str
    subject: str
    reference: str
    requester: Who
    failure_class: str
    error: str
    priority: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class StepTold(BaseModel):
    """One step of a run; `item` is the index of an item of an `each`."""

    path: str
    item: int | None
    kind: str
    state: str
    attempt: int
    failure_class: str
    error: str
    started_at: datetime | None
    finished_at: datetime | None


class RunTold(RunListed):
    """One run."""

    version: int
    why: str = Field(description="Why it does not go on, in a sentence; empty when it has ended.")
    parent: UUID | None
    forked_from: UUID | None
    cancel_requested_at: datetime | None
    input: Any
    output: Any
    steps: list[StepTold]


class RunPage(BaseModel):
    """Runs, the newest first."""

    items: list[RunListed]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class EventTold(BaseModel):
    """One link of a run's record."""

    seq: int
    at: datetime
    kind: str
    subject: str
    source: str
    target: str
    actor: str
    reason: str
    digest: str


class EventPage(BaseModel):
    """Events of a run, the oldest first. `next` is where to go on, also when there is nothing yet."""

    items: list[EventTold]
    next: str
    state: str = Field(
        description="The state of the run, read before the events: all of its end is here or follows."
    )
    ended: bool


class RunFilters(BaseModel):
    """What is wanted of the runs."""

    q: Short = Field("", description="An id, a reference, or words of a subject.")
    state: Short = Field("", description="A state, or live, or ended.")
    workflow: Short = ""
    environment: Short = ""
    failure: Short = Field("", description="A failure class.")
    label: Short = Field("", description="NAME=VALUE")
    cursor: Cursor = ""


class Fork(Reason):
    """From where, and why."""

    checkpoint: StrictInt = Field(ge=0, le=20_000, description="So many steps are kept; 0: from the start.")


@router.get("", response=shapes.answers(RunPage), auth=Token("runs:read"))
def list_runs(request: HttpRequest, filters: Query[RunFilters]) -> RunPage:
    """Runs that the token's holder may see, the newest first."""
    given = filters.model_dump(exclude={"cursor"})
    wanted = Filters(**given, before=cursors.text(filters.cursor))
    page = listing.page(callers.of(request).holder, wanted)
    return RunPage(
        items=[_listed(run) for run in page.rows], next=cursors.made(page.older) if page.older else None
    )


@router.get("/{uuid:uid}", response=shapes.answers(RunTold, 404), auth=Token("runs:read"))
def get_run(request: HttpRequest, uid: UUID, wait: Wait = 0) -> RunTold:
    """One run; with `wait`, when it has ended or the seconds are over."""
    holder = callers.of(request).holder
    return waiting.until(lambda: _find(uid, holder), lambda run: run.finished_at is not None, seconds=wait)


@router.get("/{uuid:uid}/events", response=shapes.answers(EventPage, 404), auth=Token("runs:read"))
def list_events(request: HttpRequest, uid: UUID, cursor: After = "", wait: Wait = 0) -> EventPage:
    """What happened in a run, after a cursor; with `wait`, as soon as there is something, or the run has ended."""
    holder, after = callers.of(request).holder, cursors.number(cursor) or 0
    return waiting.until(
        lambda: _events(uid, holder, after), lambda page: bool(page.items) or page.ended, seconds=wait
    )


@router.post(
    "/{uuid:uid}/cancel", response=shapes.answers(RunTold, 404, 409, 413, 415), auth=Token("runs:operate")
)
def cancel_run(request: HttpRequest, uid: UUID, body: Reason) -> RunTold:
    """Ask for the end of a run. It ends when what is in flight has settled; asking again changes nothing."""
    caller = _operator(request, uid)
    cancel.request(uid=uid, by=caller.person(), reason=body.reason)
    return _find(uid, caller.holder)


@router.post(
    "/{uuid:uid}/retry",
    response=shapes.answers(RunTold, 404, 409, 413, 415, status=201),
    auth=Token("runs:operate"),
)
def retry_run(request: HttpRequest, uid: UUID, body: Reason) -> Status[RunTold]:
    """Do again what failed, in a new run of the same task; what has succeeded is kept."""
    caller = _operator(request, uid)
    last = Step.objects.filter(run__uid=uid).count()
    made = fork.run(uid=uid, checkpoint=last, by=caller.person(), reason=body.reason)
    return Status(201, _find(made.uid, caller.holder))


@router.post(
    "/{uuid:uid}/fork",
    response=shapes.answers(RunTold, 404, 409, 413, 415, status=201),
    auth=Token("runs:operate"),
)
def fork_run(request: HttpRequest, uid: UUID, body: Fork) -> Status[RunTold]:
    """Begin a new run of the same task with the first steps of this one."""
    caller = _operator(request, uid)
    made = fork.run(uid=uid, checkpoint=body.checkpoint, by=caller.person(), reason=body.reason)
    return Status(201, _find(made.uid, caller.holder))


def _operator(request: HttpRequest, uid: UUID) -> Caller:
    """The person who may operate this run. Raises NotFound, NotAllowed."""
    caller = callers.of(request)
    caller.person()
    with borrow():
        run = listing.find(uid, caller.holder)
        roles.check(caller.holder, "operate", run.deployment)
    return caller


def _find(uid: UUID, holder: Holder) -> RunTold:
    with borrow():
        run = listing.find(uid, holder)
        reason = why.of(run, timezone.now())
        return RunTold(
            **_facts(run),
            version=run.version.number,
            why=reason.sentence if reason is not None else "",
            parent=run.parent_run.uid if run.parent_run is not None else None,
            forked_from=run.forked_from.uid if run.forked_from is not None else None,
            cancel_requested_at=run.cancel_requested_at,
            input=run.input,
            output=run.output,
            steps=[_step(step) for step in run.steps.defer("input", "output").order_by("ordinal")],
        )


def _events(uid: UUID, holder: Holder, after: int) -> EventPage:
    with borrow():
        run = listing.find(uid, holder)
        rows = list(AuditEvent.objects.filter(chain=uid, seq__gt=after).order_by("seq")[:EVENTS])
    return EventPage(
        items=[_event(row) for row in rows],
        next=cursors.made(rows[-1].seq if rows else after),
        state=run.state,
        ended=run.finished_at is not None,
    )


def _listed(run: Run) -> RunListed:
    return RunListed(**_facts(run))


def _facts(run: Run) -> dict[str, Any]:
    names = ("uid", "state", "failure_class", "error", "priority", "created_at", "started_at", "finished_at")
    return {
        **{name: getattr(run, name) for name in names},
        "task": run.task.uid,
        "place": shapes.place(run.deployment),
        "subject": run.task.subject,
        "reference": run.task.reference,
        "requester": shapes.requester(run.task),
    }


def _step(step: Step) -> StepTold:
    names = ("path", "kind", "state", "attempt", "failure_class", "error", "started_at", "finished_at")
    return StepTold(
        **{name: getattr(step, name) for name in names}, item=None if step.item == Step.NO_ITEM else step.item
    )


def _event(row: AuditEvent) -> EventTold:
    names = ("seq", "at", "kind", "subject", "source", "target", "actor", "reason")
    return EventTold(**{name: getattr(row, name) for name in names}, digest=bytes(row.digest).hex())
