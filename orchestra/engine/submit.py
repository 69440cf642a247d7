"""Makes a run for a task: due now, in the caller's transaction, with a hint after the commit."""

from __future__ import annotations

from orchestra import logs, moves
from orchestra.engine import births, dispatch
from orchestra.models import Run, Task


def run(*, task: Task, actor: str, priority: int = 0) -> Run:
    """Submit a task's payload to its deployment. Raises Invalid for an input that does not fit."""
    made = Run(
        task=task, state="queued", priority=priority, request_id=task.request_id, traceparent=task.traceparent
    )
    births.prepare(made, task.deployment, task.payload)
    moves.bear(made, actor=actor, reason="submitted")
    dispatch.announce([made.pk])
    logs.event("run.submitted", run=made.uid)
    return made
