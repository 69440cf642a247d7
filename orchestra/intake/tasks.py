"""Takes tasks in: one task and its first run for each request, however often the request is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils import timezone

from orchestra import canonical, logs
from orchestra.engine import submit
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, KeyReused, NotFound
from orchestra.models import Deployment, IdempotencyKey, Person, Run, Task

KEY_LIFE = timedelta(days=7)
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: a workflow in an environment, its input, and how the requester knows it."""

    workflow: str
    environment: str
    payload: object
    source: str
    subject: str = ""
    reference: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    due_at: datetime | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task and its first run; `repeated` when the same key and body came before."""

    task: Task
    run: Run
    repeated: bool


def accept(request: Request, *, by: Person, key: str | None = None) -> Submitted:
    """Submit a request for a person.

    With a `key`, the same body gives the same task for seven days. Raises NotFound (no such deployment),
    Invalid (input or key), BudgetExceeded (cannot fit), KeyReused (the key came with another body).
    """
    owner = f"person:{by.name}"
    if key is None:
        with borrow():
            return _make(request, by, owner)
    if not key.strip() or len(key) > LONGEST_KEY:
        raise Invalid("An idempotency key has 1 to 200 characters and is not blank.")
    digest = canonical.digest(_body(request))
    return _known(owner, key, digest) or _once(request, by, owner, key, digest)


def _once(request: Request, by: Person, owner: str, key: str, digest: bytes) -> Submitted:
    try:
        with borrow():
            made = _make(request, by, owner)
            expires = timezone.now() + KEY_LIFE
            IdempotencyKey.objects.create(
                owner=owner, key=key, body_digest=digest, task=made.task, expires_at=expires
            )
            return made
    except IntegrityError:
        twin = _known(owner, key, digest)
        if twin is None:
            raise
        return twin


def _known(owner: str, key: str, digest: bytes) -> Submitted | None:
    with borrow():
        row = IdempotencyKey.objects.filter(owner=owner, key=key).select_related("task").first()
        if row is None or row.task is None:
            return None
        if bytes(row.body_digest) != digest:
            raise KeyReused(f"The key {key} came before with another body. Use a new key for a new request.")
        return Submitted(row.task, row.task.runs.order_by("pk")[0], repeated=True)


def _make(request: Request, by: Person, owner: str) -> Submitted:
    trace = logs.current()
    payload = canonical.check(request.payload)
    task = Task.objects.create(
        deployment=_deployment(request),
        source=request.source,
        requester=by,
        payload=payload,
        payload_digest=canonical.digest(payload),
        subject=request.subject,
        reference=request.reference,
        labels=dict(request.labels),
        due_at=request.due_at,
        request_id=trace.request_id,
        traceparent=trace.traceparent,
    )
    run = submit.run(task=task, actor=owner, priority=request.priority)
    return Submitted(task, run, repeated=False)


def _deployment(request: Request) -> Deployment:
    rows = Deployment.objects.select_related("environment", "workflow")
    found = rows.filter(workflow__name=request.workflow, environment__name=request.environment).first()
    if found is None:
        raise NotFound(f"Workflow {request.workflow} is not deployed in {request.environment}.")
    return found


def _body(request: Request) -> dict[str, object]:
    return {
        "workflow": request.workflow,
        "environment": request.environment,
        "payload": request.payload,
        "subject": request.subject,
        "reference": request.reference,
        "labels": dict(request.labels),
        "priority": request.priority,
    }
