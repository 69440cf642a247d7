"""Runs that somebody may see: one of them, or a page of a search. Refuses everything else, in the words of "not there".

Pages go by keys, so that a deep page costs no more than the first; counts stop at a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Now

from orchestra import states
from orchestra.engine.claim import HALTED
from orchestra.errors import FailureClass, Invalid, NotFound
from orchestra.models import Approval, AuditHead, HumanTask, Run, Task, Turn
from orchestra.people import roles
from orchestra.people.roles import Holder

ON_PAGE: Final = 50
MOST_COUNTED: Final = 1_000
#: A word inside of a subject is looked for among so many of the newest runs; beginnings and references among all.
LOOKED_THROUGH: Final = 20_000
#: Words for groups of states that people ask for.
GROUPS: Final = {"live": sorted(states.RUN.live), "ended": sorted(states.RUN.terminal)}
#: What changes whenever something has happened in a run. Votes have no event of their own until they decide.
MARKED: Final = ("last_event", "last_turn", "last_vote", "is_halted")


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of the runs, empty for all. `label` is NAME=VALUE; `before` is the run that a page ends with."""

    q: str = ""
    state: str = ""
    workflow: str = ""
    environment: str = ""
    failure: str = ""
    label: str = ""
    before: str = ""

    def named(self) -> dict[str, str]:
        """Those that are set, without the place."""
        given = {name: getattr(self, name) for name in self.__slots__ if name != "before"}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of runs, the newest first; `older` leads to the next one, empty at the end."""

    rows: Sequence[Run]
    older: str = ""


def page(holder: Holder, filters: Filters) -> Page:
    """One page. Raises Invalid for a filter or a place that means nothing."""
    rows = found(holder, filters).order_by("-pk")
    if filters.before:
        rows = rows.filter(_before(filters.before))
    rows = told(rows).annotate(is_halted=Exists(HALTED), asks=_asks())
    runs = list(rows[: ON_PAGE + 1])
    return Page(runs[:ON_PAGE], str(runs[ON_PAGE - 1].uid) if len(runs) > ON_PAGE else "")


def count(holder: Holder, filters: Filters) -> str:
    """How many there are, as a text: exact up to a thousand."""
    number = found(holder, filters)[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)


def find(uid: UUID, holder: Holder, *rights: str) -> Run:
    """One run, with the rights that are asked for as `may_RIGHT`. Raises NotFound, also for one not theirs to see."""
    rows = told(visible(holder)).select_related(
        "version__workflow", "parent_run", "forked_from", "worker", "cancel_requested_by"
    )
    held = {f"may_{right}": _may(holder, right) for right in rights}
    run = rows.annotate(is_halted=Exists(HALTED), **_newest(), **held).filter(uid=uid).first()
    if run is None:
        raise NotFound(f"There is no run {uid}.")
    return run


def mark(run: Run) -> str:
    """Changes whenever something has happened in the run, of one that `find` has found."""
    return "-".join(str(getattr(run, name, "")) for name in MARKED)


def seen_at(run: Run) -> datetime:
    """The database's time at which the run was read."""
    moment: datetime = getattr(run, "seen_at", run.created_at)
    return moment


def visible(holder: Holder) -> QuerySet[Run]:
    """All runs that the holder may look at."""
    return Run.objects.filter(deployment__in=roles.visible_to(holder))


def found(holder: Holder, filters: Filters) -> QuerySet[Run]:
    """Those that fit, in no order."""
    rows = visible(holder).filter(**_columns(filters))
    return rows.filter(_search(rows, filters.q)) if filters.q else rows


def told(rows: QuerySet[Run]) -> QuerySet[Run]:
    """With what is needed to tell of them."""
    return rows.annotate(seen_at=Now()).select_related(
        "task__requester", "task__service", "deployment__workflow", "deployment__environment"
    )


def _asks() -> Subquery:
    """What an escalated run asks people, as the title of its oldest open question."""
    open_ones = HumanTask.objects.filter(run=OuterRef("pk"), state="open", kind="escalation").order_by("pk")
    return Subquery(open_ones.values("title")[:1])


def _newest() -> dict[str, Subquery]:
    """The last event of the chain (a vote that is taken back is one), the last turn and the last vote."""
    head = AuditHead.objects.filter(chain=OuterRef("uid")).values("seq")
    turns = Turn.objects.filter(run=OuterRef("pk")).order_by().values("run").annotate(last=Max("pk"))
    votes = Approval.objects.filter(proposal__toolcall__run=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    return {
        "last_event": Subquery(head),
        "last_turn": Subquery(turns.values("last")),
        "last_vote": Subquery(votes),
    }


def _may(holder: Holder, right: str) -> Exists:
    return Exists(roles.visible_to(holder, right).filter(pk=OuterRef("deployment_id")))


def _columns(filters: Filters) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if filters.state:
        columns["state__in"] = _states(filters.state)
    if filters.workflow:
        columns["deployment__workflow__name"] = filters.workflow
    if filters.environment:
        columns["deployment__environment__name"] = filters.environment
    if filters.failure:
        columns["failure_class"] = _failure(filters.failure)
    if filters.label:
        name, _, value = filters.label.partition("=")
        columns["task__labels__contains"] = {name.strip(): value.strip()}
    return columns


def _states(word: str) -> list[str]:
    if word not in states.RUN.states and word not in GROUPS:
        raise Invalid.at("/state", f"No run is ever {word[:40]!r}.")
    return GROUPS.get(word, [word])


def _failure(word: str) -> str:
    if word not in set(FailureClass):
        raise Invalid.at("/failure", f"There is no failure class {word[:40]!r}.")
    return word


def _search(rows: QuerySet[Run], text: str) -> Q:
    """An id is an id; a text is a reference, the beginning of a subject, or any part of one that is not long ago."""
    if (uid := _uid(text)) is not None:
        return Q(uid=uid) | Q(task__in=Task.objects.filter(uid=uid))
    if "\0" in text:
        raise Invalid.at("/q", "No text holds such a character.")
    known = Task.objects.filter(Q(reference=text) | Q(subject__startswith=text))
    newest = Subquery(Run.objects.order_by("-pk").values("pk")[:1])
    recent = rows.filter(pk__gt=newest - Value(LOOKED_THROUGH), task__subject__icontains=text)
    ids = rows.filter(task__in=known).order_by().values("pk").union(recent.order_by().values("pk"))
    return Q(pk__in=list(ids.values_list("pk", flat=True)[:LOOKED_THROUGH]))


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _before(place: str) -> Q:
    """Born before the run that a page ended with."""
    uid = _uid(place)
    if uid is None:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return Q(pk__lt=Run.objects.filter(uid=uid).values("pk"))
