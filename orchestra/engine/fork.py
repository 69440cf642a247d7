"""Starts a new run from a checkpoint of an old one: what was settled up to there is copied, the rest is done anew."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.audit.append import append
from orchestra.engine import cancel, dispatch
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, StaleState
from orchestra.models import Person, Run, Step

COPIED = (
    "path", "item", "kind", "ordinal", "attempt", "input", "output", "failure_class", "error", "started_at",
    "finished_at",
)  # fmt: skip


def run(*, uid: UUID, checkpoint: int, by: Person, reason: str) -> Run:
    """Fork a run that has ended or is escalated, after its `checkpoint`-th step (0: from the start).

    The new run has the same task, version and input. Raises NotFound, StaleState (still at work), Invalid.
    """
    with borrow():
        original = cancel.lock(uid)
        if original.finished_at is None and original.state != "escalated":
            raise StaleState(
                "Only a run that has ended or is escalated can be forked: two would do the same work."
            )
        last = original.steps.count()
        if not 0 <= checkpoint <= last:
            raise Invalid(f"The run has checkpoints 0 to {last}, not {checkpoint}.")
        made = _copy(original, checkpoint)
        actor = f"person:{by.name}"
        events = moves.born([made], actor=actor, reason=f"fork of {uid} at {checkpoint}: {reason}")
        events += moves.born(_steps(original, made, checkpoint), actor=actor, reason=f"copied from {uid}")
        append(events)
        dispatch.announce([made.pk])
    logs.event("run.forked", run=made.uid, original=uid)
    return made


def _copy(original: Run, checkpoint: int) -> Run:
    return Run(
        task_id=original.task_id,
        deployment_id=original.deployment_id,
        version_id=original.version_id,
        forked_from=original,
        forked_at=checkpoint,
        state="queued",
        priority=original.priority,
        object_key=original.object_key,
        input=original.input,
        limits=original.limits,
        due_at=Now(),
        request_id=original.request_id,
        traceparent=original.traceparent,
    )


def _steps(original: Run, made: Run, checkpoint: int) -> list[Step]:
    """What succeeded or was skipped; failures are tried again. Items of an `each` come only with their parent."""
    rows = list(
        original.steps.filter(state__in=["succeeded", "skipped"], ordinal__lte=checkpoint).order_by("ordinal")
    )
    whole = {row.path for row in rows if row.item == Step.NO_ITEM}
    return [
        Step(run=made, state=row.state, **{name: getattr(row, name) for name in COPIED})
        for row in rows
        if row.path in whole
    ]
