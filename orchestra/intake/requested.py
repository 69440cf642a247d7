"""Tasks as who asked for them sees them: their own, page by page, each with its newest attempt; one of them; notices.

Refuses what is neither theirs nor in a deployment that they may see, in the words of "not there".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from orchestra.engine.claim import HALTED
from orchestra.errors import Invalid, NotFound
from orchestra.models import Deployment, Notice, Person, Run, Step, Task
from orchestra.people import roles

TABS: Final = {"open": "Open", "ended": "Ended"}
ON_PAGE: Final = 50
MOST_NOTICES: Final = 20
MOST_ATTEMPTS: Final = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of somebody's tasks. `before` is the task that a page ends with."""

    tab: str = "open"
    workflow: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of tasks, the newest first; `older` leads to the next one, empty at the end.

    `workflows`: the names of all that the person has asked for anything.
    """

    rows: Sequence[Task]
    older: str = ""
    workflows: Sequence[str] = ()


def page(person: Person, filters: Filters) -> Page:
    """One page. Raises NotFound for a tab that there is not, Invalid for a place that leads nowhere."""
    if filters.tab not in TABS:
        raise NotFound(f"There is no tab {filters.tab[:40]!r}.")
    rows = _told(Task.objects.filter(requester=person))
    live = Exists(_attempts().filter(finished_at__isnull=True))
    rows = rows.filter(live if filters.tab == "open" else ~live)
    if filters.workflow:
        rows = rows.filter(deployment__workflow__name=filters.workflow)
    if filters.before:
        rows = rows.filter(_before(filters.before, person))
    found = list(rows.order_by("-pk")[: ON_PAGE + 1])
    older = str(found[ON_PAGE - 1].uid) if len(found) > ON_PAGE else ""
    return Page(found[:ON_PAGE], older, _workflows(person))


def find(uid: UUID, person: Person) -> Task:
    """One task, with whether the person `may_view` its deployment, `may_submit` and `may_operate` there, and `unread`.

    Raises NotFound, also for one that is neither theirs nor theirs to see.
    """
    held = {f"may_{right}": _holds(person, right) for right in ("view", "submit", "operate")}
    unread = Exists(Notice.objects.filter(person=person, message__task=OuterRef("pk"), read_at__isnull=True))
    rows = Task.objects.annotate(**held, unread=unread)
    rows = rows.filter(Q(requester=person) | Q(may_view=True))
    found = _related(rows).select_related("requester", "service").filter(uid=uid).first()
    if found is None:
        raise NotFound(f"There is no task {uid}.")
    return found


def attempts(task: Task) -> list[Run]:
    """The runs that were made for it, the newest first; those that its runs have started are theirs, not its own.

    Each says whether it `is_halted`, and when it was read.
    """
    rows = Run.objects.filter(task=task, parent_run__isnull=True)
    rows = rows.annotate(is_halted=Exists(HALTED), read_at=Now())
    rows = rows.select_related("deployment__workflow", "deployment__environment", "forked_from", "worker")
    return list(rows.select_related("cancel_requested_by").order_by("-pk")[:MOST_ATTEMPTS])


def notices(person: Person) -> list[Notice]:
    """What the person was told of their tasks and has not read, the newest first."""
    rows = Notice.objects.filter(person=person, read_at__isnull=True)
    return list(rows.select_related("message__task__deployment__workflow").order_by("-id")[:MOST_NOTICES])


def mark(person: Person, *, upto: int | None = None, task: Task | None = None) -> int:
    """Mark notices of the person as read: those of one task, or all up to one that was shown. How many there were."""
    rows = Notice.objects.filter(person=person, read_at__isnull=True)
    if upto is not None:
        rows = rows.filter(pk__lte=upto)
    if task is not None:
        rows = rows.filter(message__task=task)
    return rows.update(read_at=Now())


def _told(rows: QuerySet[Task]) -> QuerySet[Task]:
    """With the newest attempt, as far as a line tells of it: its state, and what kind of thing it waits for."""
    newest = _attempts().order_by("-pk")
    waits = Step.objects.filter(run__task=OuterRef("pk"), state="waiting")
    return _related(rows).annotate(
        state=Subquery(newest.values("state")[:1]),
        failure_class=Subquery(newest.values("failure_class")[:1]),
        finished_at=Subquery(newest.values("finished_at")[:1]),
        is_halted=Exists(newest.filter(Exists(HALTED), finished_at__isnull=True)),
        asks=Exists(waits.filter(Q(waits_proposal__isnull=False) | Q(waits_humantask__isnull=False))),
    )


def _related(rows: QuerySet[Task]) -> QuerySet[Task]:
    return rows.select_related("deployment__workflow", "deployment__environment")


def _attempts() -> QuerySet[Run]:
    return Run.objects.filter(task=OuterRef("pk"), parent_run__isnull=True)


def _workflows(person: Person) -> list[str]:
    asked = Exists(Task.objects.filter(requester=person, deployment=OuterRef("pk")))
    names = Deployment.objects.filter(asked).values_list("workflow__name", flat=True)
    return sorted(set(names))


def _holds(person: Person, right: str) -> Exists:
    return Exists(roles.visible_to(person, right).filter(pk=OuterRef("deployment")))


def _before(place: str, person: Person) -> Q:
    try:
        last = Task.objects.filter(requester=person, uid=UUID(place)).values_list("pk", flat=True).first()
    except ValueError:
        last = None
    if last is None:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return Q(pk__lt=last)
