"""The smallest rows that operators' figures count: a deployment, runs, workers, halts."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from orchestra import moves
from orchestra.models import (
    Deployment,
    Environment,
    Halt,
    OutboxMessage,
    Person,
    Run,
    Task,
    WorkerProcess,
    Workflow,
    WorkflowVersion,
)

EMPTY = sha256(b"{}").digest()


def deployment() -> Deployment:
    """A deployment of a workflow without steps."""
    person = Person.objects.create(name="operator")
    workflow = Workflow.objects.create(name="nothing")
    version = WorkflowVersion.objects.create(
        workflow=workflow, number=1, spec={}, source="", digest=EMPTY, author=person
    )
    environment = Environment.objects.create(name="test")
    return Deployment.objects.create(workflow=workflow, environment=environment, base_version=version)


def queued(place: Deployment, *, due: timedelta = timedelta()) -> Run:
    """A run that is due so long from now; a negative time is in the past."""
    task = Task.objects.create(
        deployment=place,
        source="command",
        requester=place.base_version.author,
        payload={},
        payload_digest=EMPTY,
    )
    run = Run(
        task=task,
        deployment=place,
        version=place.base_version,
        state="queued",
        input={},
        due_at=timezone.now() + due,
    )
    with transaction.atomic():
        moves.bear(run, actor="test", reason="submitted")
    return run


def worker(*, seen: timedelta = timedelta(), **columns: object) -> WorkerProcess:
    """A worker process that was seen so long ago."""
    return WorkerProcess.objects.create(
        name="worker", host="here", pid=1, slots=1, seen_at=Now() - seen, **columns
    )


def halt(place: Deployment) -> Halt:
    """A halt of everything."""
    row = Halt(scope="global", state="on", reason="fire drill", set_by=place.base_version.author)
    with transaction.atomic():
        moves.bear(row, actor="test", reason="set")
    return row


def message() -> OutboxMessage:
    """A message that is due."""
    return OutboxMessage.objects.create(topic="run.finished", payload={}, due_at=timezone.now())
