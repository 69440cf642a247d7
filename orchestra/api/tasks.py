"""Tasks: submitting one, once however often it is sent, and following it to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, StrictInt

from orchestra import instants
from orchestra.api import callers, cursors, keys, shapes, waiting
from orchestra.api.callers import Token
from orchestra.api.keys import Key
from orchestra.api.shapes import Cursor, Given, Place, Short, Who
from orchestra.api.waiting import Wait
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, NotFound
from orchestra.intake import routing
from orchestra.intake import tasks as intake
from orchestra.models import Deployment, Run, Task
from orchestra.people import roles
from orchestra.people.roles import Holder

router = Router(tags=["Tasks"])
ON_PAGE: Final = 50


def _moment(value: object) -> object:
    """Times are texts: a number could be seconds or milliseconds."""
    if not isinstance(value, str):
        raise ValueError("Give a time as text, like 2030-01-31T12:00:00Z.")  # noqa: TRY004  pydantic wants it
    return value


def _near(value: datetime) -> datetime:
    if not instants.is_near(value):
        raise ValueError(instants.TOO_FAR)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_near)]


class TaskAsked(Given):
    """What is asked for. Without `workflow` the routing rules choose one; `environment` then narrows their choice."""

    workflow: str = Field(
        "", max_length=80, description="Its name; empty: by routing rules.", examples=["refund"]
    )
    environment: str = Field("", max_length=40, description="Where it runs.", examples=["prod"])
    payload: dict[str, Any] = Field(
        default_factory=dict, description="The input, as the workflow's schema wants it."
    )
    subject: Short = Field("", description="What it is about, for people.")
    reference: Short = Field("", description="The requester's own number.")
    labels: dict[str, str] = Field(
        default_factory=dict, description="At most 50; each at most 200 characters."
    )
    priority: StrictInt = Field(0, ge=-100, le=100, description="Higher goes first.")
    due_at: Moment | None = Field(None, description="When it should be done, for people.")


class RunInTask(BaseModel):
    """The newest run of a task: how it stands."""

    uid: UUID
    state: str
    failure_class: str
    error: str
    finished_at: datetime | None


class RunOfTask(RunInTask):
    """And what came of it."""

    output: Any


class TaskListed(BaseModel):
    """A task in a list."""

    uid: UUID
    place: Place
    source: str
    requester: Who
    subject: str
    reference: str
    labels: dict[str, str]
    due_at: datetime | None
    created_at: datetime
    run: RunInTask | None


class TaskTold(TaskListed):
    """One task, with what was given and what came of it."""

    payload: Any
    run: RunOfTask | None


class TaskPage(BaseModel):
    """Tasks, the newest first."""

    items: list[TaskListed]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class TaskFilters(BaseModel):
    """What is wanted of the tasks."""

    reference: Short = ""
    subject: Short = ""
    workflow: Short = ""
    environment: Short = ""
    state: Literal["", "live", "ended"] = Field(
        "", description="live: a run of it has not ended; ended: all have."
    )
    mine: bool = Field(default=False, description="Only those that the token's holder has submitted.")
    cursor: Cursor = ""


@router.post("", response=shapes.answers(TaskTold, 404, 413, 415, status=201), auth=Token("tasks:submit"))
def submit_task(
    request: HttpRequest,
    body: TaskAsked,
    wait: Wait = 0,
    idempotency_key: Key = "",
) -> HttpResponse:
    """Submit a task. With an `Idempotency-Key` the same request makes one task, however often it is sent.

    For seven days the key gives the first answer again, as it was then, with the header `Idempotency-Replayed: true`;
    with another body it is refused (`key-reused`). With `wait`, the answer comes when the run has ended or the
    seconds are over, and tells the task as it is then.
    """
    caller = callers.of(request)
    key = keys.given(request, idempotency_key)
    made = intake.accept(_request(body, caller.holder), by=caller.holder, key=key, told=_text)
    if made.repeated:
        roles.check(caller.holder, "submit", made.task.deployment)
    text = made.answer or _text(made.task, made.run)
    if wait:
        waiting.until(lambda: _is_over(made.task.uid, caller.holder), bool, seconds=wait)
        text = _find(made.task.uid, caller.holder).model_dump_json()
    return keys.answer(text, f"/api/v1/tasks/{made.task.uid}", repeated=made.repeated)


@router.get("", response=shapes.answers(TaskPage), auth=Token("tasks:read"))
def list_tasks(request: HttpRequest, filters: Query[TaskFilters]) -> TaskPage:
    """Tasks that the token's holder may see, the newest first."""
    holder = callers.of(request).holder
    rows = _with_runs(_filtered(_visible(holder), filters, holder)).order_by("-pk")
    if (before := cursors.number(filters.cursor)) is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: ON_PAGE + 1])
    following = cursors.made(found[ON_PAGE - 1].pk) if len(found) > ON_PAGE else None
    return TaskPage(items=[_listed(task) for task in found[:ON_PAGE]], next=following)


@router.get("/{uuid:uid}", response=shapes.answers(TaskTold, 404), auth=Token("tasks:read"))
def get_task(request: HttpRequest, uid: UUID, wait: Wait = 0) -> TaskTold:
    """One task, with its newest run; with `wait`, when that has ended or the seconds are over."""
    holder = callers.of(request).holder
    if wait:
        waiting.until(lambda: _is_over(uid, holder), bool, seconds=wait)
    return _find(uid, holder)


def _request(body: TaskAsked, holder: Holder) -> intake.Request:
    """The request as it came: where it goes is chosen when it makes a task, so that rules may change between repeats."""
    given = {name: getattr(body, name) for name in ("payload", "subject", "reference", "labels")}
    return intake.Request(
        workflow=body.workflow,
        environment=body.environment,
        source="api",
        due_at=body.due_at,
        priority=body.priority,
        place=lambda: _place(body, holder, given),
        **given,
    )


def _place(body: TaskAsked, holder: Holder, given: dict[str, Any]) -> Deployment:
    """Where it goes. Raises NotFound, NotAllowed, NoRoute, Invalid."""
    if not body.workflow:
        return routing.chosen(routing.Matter("api", environment=body.environment, **given), by=holder)
    if not body.environment:
        raise Invalid.at(
            "/environment", "Say in which environment the workflow runs, or leave both to the routing rules."
        )
    return routing.named(body.workflow, body.environment, by=holder)


def _visible(holder: Holder) -> QuerySet[Task]:
    return Task.objects.filter(deployment__in=roles.visible_to(holder)).select_related(
        "deployment__workflow", "deployment__environment", "requester", "service"
    )


def _filtered(rows: QuerySet[Task], filters: TaskFilters, holder: Holder) -> QuerySet[Task]:
    columns = {
        "reference": filters.reference,
        "subject": filters.subject,
        "deployment__workflow__name": filters.workflow,
        "deployment__environment__name": filters.environment,
    }
    rows = rows.filter(**{name: value for name, value in columns.items() if value})
    if filters.state:
        live = Exists(_own_runs().filter(task=OuterRef("pk"), finished_at__isnull=True))
        rows = rows.filter(live if filters.state == "live" else ~live)
    if not filters.mine:
        return rows
    owner = "requester" if roles.name_of(holder).startswith("person:") else "service"
    return rows.filter(**{owner: holder})


def _with_runs(rows: QuerySet[Task]) -> QuerySet[Task]:
    own = _own_runs().defer("output", "input", "limits").order_by("pk")
    return rows.prefetch_related(Prefetch("runs", queryset=own))


def _own_runs() -> QuerySet[Run]:
    """The runs of tasks, not those that came of them."""
    return Run.objects.filter(parent_run__isnull=True)


def _find(uid: UUID, holder: Holder) -> TaskTold:
    with borrow():
        task = _with_runs(_visible(holder)).filter(uid=uid).first()
        if task is None:
            raise NotFound(f"There is no task {uid}.")
        return _tell(task, _newest(task))


def _is_over(uid: UUID, holder: Holder) -> bool:
    """Whether nothing is to be waited for: its newest run has ended, or it is not theirs to see."""
    with borrow():
        runs = _own_runs().filter(task__uid=uid, task__deployment__in=roles.visible_to(holder))
        newest = runs.order_by("-pk").values_list("pk", "finished_at").first()
        return newest is None or newest[1] is not None


def _newest(task: Task) -> Run | None:
    runs = list(task.runs.all())
    return runs[-1] if runs else None


def _text(task: Task, run: Run) -> str:
    return _tell(task, run).model_dump_json()


def _tell(task: Task, run: Run | None) -> TaskTold:
    newest = RunOfTask(**_run(run), output=run.output) if run is not None else None
    return TaskTold(**_facts(task), payload=task.payload, run=newest)


def _listed(task: Task) -> TaskListed:
    run = _newest(task)
    return TaskListed(**_facts(task), run=RunInTask(**_run(run)) if run is not None else None)


def _facts(task: Task) -> dict[str, Any]:
    return {
        "uid": task.uid,
        "place": shapes.place(task.deployment),
        "source": task.source,
        "requester": shapes.requester(task),
        "subject": task.subject,
        "reference": task.reference,
        "labels": task.labels,
        "due_at": task.due_at,
        "created_at": task.created_at,
    }


def _run(run: Run) -> dict[str, Any]:
    names = ("uid", "state", "failure_class", "error", "finished_at")
    return {name: getattr(run, name) for name in names}
