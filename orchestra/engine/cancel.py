"""Asks for a run to be cancelled. A worker ends it when what is in flight has settled."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.audit.append import Event, append
from orchestra.engine import dispatch, outbox, words
from orchestra.engine.connections import borrow
from orchestra.errors import NotFound, StaleState
from orchestra.models import HumanTask, Person, Run
from orchestra.people import roles
from orchestra.people.roles import Holder


def request(*, uid: UUID, by: Holder, reason: str) -> Run:
    """Ask once; asking again changes nothing. Raises NotFound, or StaleState when the run has ended."""
    reason = words.reason(reason, needed="Say why: it is kept in the record.")
    with borrow():
        run = lock(uid)
        if run.finished_at is not None:
            raise StaleState(f"The run has already {run.state}.")
        if run.cancel_requested_at is None or run.state == "escalated":
            _ask(run, by, reason)
    logs.event("run.cancel_requested", run=uid)
    return run


def lock(uid: UUID) -> Run:
    """The run, locked before anything of it. Raises NotFound."""
    run = Run.objects.select_for_update(of=("self",), no_key=True).filter(uid=uid).first()
    if run is None:
        raise NotFound(f"There is no run {uid}.")
    return run


def call_off(run: Run, *, actor: str, reason: str, by: Holder | None = None) -> list[Event]:
    """Write the wish down and make the run due: a worker ends it. The caller has locked it, and appends the events."""
    said = f"cancel asked for: {reason}"
    if run.state == "escalated":
        events = close(run, actor=actor, reason=reason)
        events.append(moves.moved(run, "queued", actor=actor, reason=said, due_at=Now()))
    else:
        events = [moves.noted(run, actor=actor, reason=said)]
    Run.objects.filter(pk=run.pk).update(
        cancel_requested_at=Now(), cancel_requested_by=_person(by), wake=F("wake") + 1, due_at=Now()
    )
    return events


def close(run: Run, *, actor: str, reason: str) -> list[Event]:
    """Take back the open escalations of a run that the caller has locked; the caller appends the events."""
    events: list[Event] = []
    rows = HumanTask.objects.filter(run=run, state="open", kind="escalation")
    for question in rows.select_for_update().order_by("pk"):
        question.run = run
        events.append(moves.moved(question, "cancelled", actor=actor, reason=reason, finished_at=Now()))
    return events


def _ask(run: Run, by: Holder, reason: str) -> None:
    """A run that nobody has begun ends here; but a child's end concerns its parent, so a worker writes that."""
    actor = roles.name_of(by)
    if run.state == "queued" and run.started_at is None and run.parent_run_id is None:
        moves.move(
            run, "cancelled", actor=actor, reason=reason, finished_at=Now(), due_at=None, cancel_requested_at=Now(),
            cancel_requested_by=_person(by),
        )  # fmt: skip
        outbox.announce(run)
        return
    append(call_off(run, actor=actor, reason=reason, by=by))
    dispatch.announce([run.pk])


def _person(by: Holder | None) -> Person | None:
    """Of a system the record alone tells."""
    return by if isinstance(by, Person) else None
