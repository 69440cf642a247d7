"""Tells the requester of a task how its run ended: one row in the outbox, in the transaction of the end."""

from __future__ import annotations

from django.db.models.functions import Now

from orchestra.models import OutboxMessage, Run


def announce(run: Run) -> None:
    """Write the message of a run that has just ended. A child run is its parent's affair."""
    if run.parent_run_id is None:
        OutboxMessage.objects.create(
            topic=f"run.{run.state}",
            task_id=run.task_id,
            run=run,
            payload={"run": str(run.uid)},
            due_at=Now(),
        )
