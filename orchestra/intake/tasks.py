"""Takes tasks in: one task and its first run for each request, however often the request is repeated.

Refuses to ask whether the requester may submit there: each border does, through `routing.named` or `routing.chosen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestra import canonical, logs
from orchestra.engine import submit
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, NotFound, Problem
from orchestra.intake import keys
from orchestra.intake.keys import Done
from orchestra.models import Deployment, Person, Run, ServiceAccount, Task
from orchestra.people import roles
from orchestra.people.roles import Holder

LONGEST_TEXT = 200
MOST_LABELS = 50
HIGHEST_PRIORITY = 100


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
    #: How to find where that is, for a border that asks for rights or routing rules; a repeated request never asks.
    place: Callable[[], Deployment] | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task and its first run; `repeated` when the same key and body came before, `answer` what was said then."""

    task: Task
    run: Run
    repeated: bool
    answer: str = ""


#: Puts into words what the requester is told of a task that has just been taken in.
Wording = Callable[[Task, Run], str]


def accept(request: Request, *, by: Holder, key: str | None = None, told: Wording | None = None) -> Submitted:
    """Submit a request for somebody.

    With a `key`, the same body gives the same task for seven days, and the answer that was `told` first. Raises
    NotFound (no such deployment), Invalid (input, key or a text), BudgetExceeded (cannot fit), KeyReused (the key
    came with another body).
    """
    if problems := list(_problems(request, key)):
        raise Invalid.of(problems)
    if key is None:
        with borrow():
            return _make(request, by, told)

    def make() -> Done:
        made = _make(request, by, told)
        return Done(made.task, made.answer)

    done = keys.once(key, by=by, body=_body(request), make=make)
    with borrow():
        return Submitted(done.task, done.task.runs.order_by("pk")[0], done.repeated, done.answer)


def _problems(request: Request, key: str | None) -> Iterator[Problem]:
    """What cannot be kept, or not be told apart later."""
    if not -HIGHEST_PRIORITY <= request.priority <= HIGHEST_PRIORITY:
        yield Problem("/priority", f"{request.priority} is not between -100 and 100.")
    texts = {"subject": request.subject, "reference": request.reference}
    texts |= {"key": key or "", **{f"labels/{name}": value for name, value in request.labels.items()}}
    for name, text in texts.items():
        yield from _unfit(name, text)
    if len(request.labels) > MOST_LABELS:
        yield Problem("/labels", f"{len(request.labels)} labels; at most {MOST_LABELS} are allowed.")


def _unfit(name: str, text: str) -> Iterator[Problem]:
    pointer = canonical.pointer(name.split("/", 1))
    try:
        canonical.check({name: text})
    except Invalid as error:
        yield Problem(pointer, error.problems[0].message)
    if len(text) > LONGEST_TEXT or len(name) > LONGEST_TEXT:
        yield Problem(pointer, f"At most {LONGEST_TEXT} characters.")


def _make(request: Request, by: Holder, told: Wording | None) -> Submitted:
    trace = logs.current()
    payload = canonical.check(request.payload)
    task = Task.objects.create(
        deployment=_deployment(request),
        source=request.source,
        requester=by if isinstance(by, Person) else None,
        service=by if isinstance(by, ServiceAccount) else None,
        payload=payload,
        payload_digest=canonical.digest(payload),
        subject=request.subject,
        reference=request.reference,
        labels=dict(request.labels),
        due_at=request.due_at,
        request_id=trace.request_id,
        traceparent=trace.traceparent,
    )
    run = submit.run(task=task, actor=roles.name_of(by), priority=request.priority)
    return Submitted(task, run, repeated=False, answer=told(task, run) if told is not None else "")


def _deployment(request: Request) -> Deployment:
    if request.place is not None:
        return request.place()
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
        "due_at": request.due_at.isoformat() if request.due_at is not None else None,
    }
