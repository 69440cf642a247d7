"""Runs: finding them, following what happens in one, and what operators do with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field, StrictInt

from orchestra.api import callers, cursors, keys, shapes, waiting
from orchestra.api.callers import Caller, Token
from orchestra.api.keys import Key
from orchestra.api.shapes import Cursor, Place, Reason, Short, Who
from orchestra.api.waiting import Wait
from orchestra.engine.connections import borrow
from orchestra.intake.keys import Done, once
from orchestra.models import AuditEvent, Run, Step
from orchestra.people.roles import Holder
from orchestra.runs import listing, operate, why
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


#: A new run, or the same one that goes on.
AGAIN: Final = {200: RunTold, **shapes.answers(RunTold, 404, 409, 413, 415, 423, status=201)}


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
    if wait:
        waiting.until(lambda: _is_over(uid, holder), bool, seconds=wait)
    return _find(uid, holder)


@router.get("/{uuid:uid}/events", response=shapes.answers(EventPage, 404), auth=Token("runs:read"))
def list_events(request: HttpRequest, uid: UUID, cursor: After = "", wait: Wait = 0) -> EventPage:
    """What happened in a run, after a cursor; with `wait`, as soon as there is something, or the run has ended."""
    holder, after = callers.of(request).holder, cursors.number(cursor) or 0
    if wait:
        waiting.until(lambda: _is_over(uid, holder, after), bool, seconds=wait)
    return _events(uid, holder, after)


@router.post(
    "/{uuid:uid}/cancel", response=shapes.answers(RunTold, 404, 409, 413, 415), auth=Token("runs:operate")
)
def cancel_run(request: HttpRequest, uid: UUID, body: Reason) -> RunTold:
    """Ask for the end of a run. It ends when what is in flight has settled; asking again changes nothing.

    Whoever asked for the task may do this too, while they may submit there.
    """
    holder = callers.of(request).holder
    operate.cancel(uid, by=holder, reason=body.reason)
    return _find(uid, holder)


@router.post("/{uuid:uid}/retry", response=AGAIN, auth=Token("runs:operate"))
def retry_run(request: HttpRequest, uid: UUID, body: Reason, idempotency_key: Key = "") -> HttpResponse:
    """Do again what failed; what has succeeded is kept.

    A run that has failed or was cancelled goes on as a new run (201), and only one at a time. An escalated one goes on
    itself (200): what it asks is answered with "try again", which only people do, with the scope `questions:answer`.
    """
    caller = callers.of(request)
    may_answer = "questions:answer" in caller.token.scopes

    def retry() -> Run:
        return operate.retry(uid, by=caller.holder, reason=body.reason, may_answer=may_answer)

    asked = {"operation": "retry", "run": str(uid), **body.model_dump()}
    return _once(caller, uid, keys.given(request, idempotency_key), asked, retry)


@router.post(
    "/{uuid:uid}/fork",
    response=shapes.answers(RunTold, 404, 409, 413, 415, 423, status=201),
    auth=Token("runs:operate"),
)
def fork_run(request: HttpRequest, uid: UUID, body: Fork, idempotency_key: Key = "") -> HttpResponse:
    """Begin a new run of the same task with the first steps of this one."""
    caller = callers.of(request)

    def fork() -> Run:
        return operate.fork(uid, checkpoint=body.checkpoint, by=caller.holder, reason=body.reason)

    asked = {"operation": "fork", "run": str(uid), **body.model_dump()}
    return _once(caller, uid, keys.given(request, idempotency_key), asked, fork)


def _once(caller: Caller, uid: UUID, key: str | None, asked: object, do: Callable[[], Run]) -> HttpResponse:
    """Do it, or tell what was told when it was done under this key; 200 if the run itself goes on."""

    def make() -> Done:
        run = do()
        return Done(run.task, _find(run.uid, caller.holder).model_dump_json())

    if key is None:
        done = make()
    else:
        operate.check(uid, caller.holder)  # as it is now, though it was done before
        done = once(key, by=caller.holder, body=asked, make=make)
    told = RunTold.model_validate_json(done.answer)
    where, status = f"/api/v1/runs/{told.uid}", 200 if told.uid == uid else 201
    return keys.answer(done.answer, where, status=status, repeated=done.repeated)


def _is_over(uid: UUID, holder: Holder, after: int | None = None) -> bool:
    """Whether nothing is to be waited for: it has ended, is not theirs to see, or has news after that event."""
    with borrow():
        rows = listing.visible(holder).filter(uid=uid, finished_at__isnull=True)
        if not rows.exists():
            return True
        return after is not None and AuditEvent.objects.filter(chain=uid, seq__gt=after).exists()


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
