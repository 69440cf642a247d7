"""Asks for a run to be cancelled. A worker ends it when what is in flight has settled."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.engine import dispatch
from orchestra.engine.connections import borrow
from orchestra.errors import NotFound, StaleState
from orchestra.models import HumanTask, Person, Run


def request(*, uid: UUID, by: Person, reason: str) -> Run:
    """Ask once; asking again changes nothing. Raises NotFound, or StaleState when the run has ended."""
    with borrow():
        run = lock(uid)
        if run.finished_at is not None:
            raise StaleState(f"The run has already {run.state}.")
        if run.cancel_requested_at is None:
            _ask(run, by, reason)
    logs.event("run.cancel_requested", run=uid)
    return run


def lock(uid: UUID) -> Run:
    """The run, locked before anything of it. Raises NotFound."""
    run = Run.objects.select_for_update(of=("self",), no_key=True).filter(uid=uid).first()
    if run is None:
        raise NotFound(f"There is no run {uid}.")
    return run


def close(questions: QuerySet[HumanTask], run: Run, *, actor: str, reason: str) -> None:
    """Take back open questions about a run that the caller has locked."""
    for question in questions.select_for_update().order_by("pk"):
        question.run = run
        moves.move(question, "cancelled", actor=actor, reason=reason, finished_at=Now())


def mark(run: Run, by: Person) -> None:
    """Write the wish down, and wake the run. The caller has locked it."""
    rows = Run.objects.filter(pk=run.pk)
    rows.update(cancel_requested_at=Now(), cancel_requested_by=by, wake=F("wake") + 1, due_at=Now())
    dispatch.announce([run.pk])


def _ask(run: Run, by: Person, reason: str) -> None:
    actor = f"person:{by.name}"
    if run.state == "queued" and run.started_at is None:
        moves.move(
            run, "cancelled", actor=actor, reason=reason, finished_at=Now(), due_at=None, cancel_requested_at=Now(),
            cancel_requested_by=by,
        )  # fmt: skip
        return
    if run.state == "escalated":
        close(
            HumanTask.objects.filter(run=run, state="open", kind="escalation"),
            run,
            actor=actor,
            reason=reason,
        )
        moves.move(run, "queued", actor=actor, reason=f"cancel asked for: {reason}", due_at=Now())
    else:
        moves.note(run, actor=actor, reason=f"cancel asked for: {reason}")
    mark(run, by)
