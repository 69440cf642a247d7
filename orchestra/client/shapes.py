"""What the API tells, as frozen data. Unknown fields are passed over, so that a newer server does no harm."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from orchestra.client.refusals import Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A workflow in an environment."""

    workflow: str
    environment: str

    def __str__(self) -> str:
        return f"{self.workflow} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Who:
    """A person or a system."""

    kind: str
    name: str
    full_name: str

    def __str__(self) -> str:
        return self.full_name or self.name


@dataclass(frozen=True, slots=True)
class RunOfTask:
    """The newest run of a task; in lists without its output."""

    uid: str
    state: str
    failure_class: str
    error: str
    finished_at: datetime | None
    output: Any = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task in a list."""

    uid: str
    place: Place
    source: str
    requester: Who
    subject: str
    reference: str
    labels: dict[str, str]
    due_at: datetime | None
    created_at: datetime
    run: RunOfTask | None


@dataclass(frozen=True, slots=True)
class TaskDetail(Task):
    """One task."""

    payload: Any = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run in a list."""

    uid: str
    task: str
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


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run."""

    path: str
    item: int | None
    kind: str
    state: str
    attempt: int
    failure_class: str
    error: str
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunDetail(Run):
    """One run."""

    version: int
    why: str
    parent: str | None
    forked_from: str | None
    cancel_requested_at: datetime | None
    input: Any
    output: Any
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Event:
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


@dataclass(frozen=True, slots=True)
class Events:
    """Events after a cursor; `next` leads on."""

    items: list[Event]
    next: str
    state: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal in a list."""

    uid: str
    state: str
    tier: int
    sentence: str
    digest: str
    place: Place
    run: str
    task: str
    tool: str
    agent: str
    requester: Who
    votes_needed: int
    rejects_needed: int
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote."""

    person: str
    verdict: str
    reason: str
    category: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule behind a question."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class ProposalDetail(Proposal):
    """One proposal."""

    asked: str
    needs: str
    needs_reason: bool
    against: str
    rules: list[Rule]
    request: str
    arguments: Any
    observed: Any
    preview: Any
    agent_says: str
    votes: list[Vote]


@dataclass(frozen=True, slots=True)
class Question:
    """A question in a list."""

    uid: str
    kind: str
    state: str
    title: str
    place: Place
    run: str
    group: str
    created_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuestionDetail(Question):
    """One question."""

    context: Any
    form: Any
    answer: Any
    answered_by: str
    against: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token; its text only in the answer that made it."""

    uid: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    token: str = ""


@dataclass(frozen=True, slots=True)
class TokenOfMine:
    """The token in use."""

    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Me:
    """Who calls."""

    holder: Who
    token: TokenOfMine
    submits_to: list[Place]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor of the following one, None at the end."""

    items: list[T]
    next: str | None


def made(kind: type[T], told: object) -> T:
    """Told JSON as data of a kind. Raises Unreachable for what does not fit: then it is no Orchestra that speaks."""
    try:
        found: T = _made(kind, told)
    except (TypeError, ValueError, KeyError) as error:
        raise Unreachable(
            f"The answer is not understood: {error}. Is the server of another version?"
        ) from None
    return found


def page(kind: type[T], told: Mapping[str, Any]) -> Page[T]:
    """A page of these."""
    return Page([made(kind, each) for each in told["items"]], told.get("next"))


def _made(kind: Any, told: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(
            **{
                each.name: _made(hints[each.name], told[each.name])
                for each in fields(kind)
                if each.name in told
            }
        )
    if kind is datetime:
        return datetime.fromisoformat(told)
    origin = get_origin(kind)
    if origin is list:
        return [_made(get_args(kind)[0], each) for each in told]
    if origin in (Union, types.UnionType):
        return None if told is None else _made(get_args(kind)[0], told)
    return told


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
