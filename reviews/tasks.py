"""Questions to people that are no tool call (forms, escalations, calls in doubt), as the queue's tabs show them.

Refuses to answer: `engine.tasks` does. Sorted by the same keys as proposals: tier, time, id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from orchestra.engine.claim import HALTED
from orchestra.errors import NotFound
from orchestra.models import HumanTask, Person, Question, Run
from orchestra.people import roles
from reviews.queue import Filters, Reader

#: What a form waits for is rarely urgent; what stands still or is in doubt is, most of all where a call is critical.
TIER_OF_FORM: Final = 2
TIER_OF_TROUBLE: Final = 3
CRITICAL: Final = 4
TIER: Final = Case(
    When(kind=Question.FORM, then=Value(TIER_OF_FORM)),
    When(kind=Question.UNKNOWN, toolcall__tier=CRITICAL, then=Value(CRITICAL)),
    default=Value(TIER_OF_TROUBLE),
    output_field=IntegerField(),
)
#: What the tabs of the queue, and of the API's list, show of questions; none of them is superseded or returned.
STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "yours": ("open",),
    "others": ("open",),
    "decided": ("answered", "cancelled"),
    "expired": ("expired",),
    "open": ("open",),
    "closed": ("answered", "cancelled", "expired"),
}
COLUMNS: Final[Mapping[str, str]] = {
    "tier": "tier",
    "workflow": "deployment__workflow__name",
    "environment": "deployment__environment__name",
    "agent": "toolcall__turn__agent_version__agent__name",
    "tool": "toolcall__tool_name",
}


def find(uid: UUID, person: Person) -> HumanTask:
    """One question with its `tier`, and whether its run `is_halted`. Raises NotFound, also for one that is not theirs to see."""
    halted = Run.objects.filter(Exists(HALTED), pk=OuterRef("run_id"))
    rows = HumanTask.objects.filter(deployment__in=roles.visible_to(person))
    rows = told(rows.annotate(tier=TIER, is_halted=Exists(halted))).select_related("toolcall__question")
    found = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound(f"There is no question {uid}.")
    return found


def tab(name: str, reader: Reader) -> QuerySet[HumanTask]:
    """The questions of a tab of the queue, with their `tier` and `decided_at`, in no order yet. Raises NotFound."""
    if name not in STATES:
        raise NotFound(f"There is no tab {name[:40]!r}.")
    rows = HumanTask.objects.filter(deployment__in=reader.sees, state__in=STATES[name])
    rows = rows.annotate(tier=TIER, decided_at=F("finished_at"))
    if name == "yours":
        return rows.filter(_may_answer(reader))
    return rows.exclude(_may_answer(reader)) if name == "others" else rows


def rows(name: str, reader: Reader, filters: Filters) -> QuerySet[HumanTask]:
    """The questions of a tab that a filter leaves, with what is needed to tell of them, in no order yet."""
    wanted = {COLUMNS[name]: value for name, value in filters.named().items() if name in COLUMNS}
    return told(tab(name, reader).filter(**wanted))


def told(found: QuerySet[HumanTask]) -> QuerySet[HumanTask]:
    """With the rows that pages tell of."""
    return found.select_related(
        "group",
        "answered_by",
        "deployment__workflow",
        "deployment__environment",
        "run__task__requester",
        "run__task__service",
        "toolcall__turn__agent_version__agent",
    )


def _may_answer(reader: Reader) -> Q:
    """As far as the database can tell; `engine.tasks.objection` has the last word."""
    asked = Q(deployment__in=reader.reviews, group__name__in=reader.groups)
    task, agent = "toolcall__run__task", "toolcall__turn__agent_version__agent"
    person = reader.person
    part = (
        Q(**{f"{task}__requester": person})
        | Q(**{f"{task}__service__owner": person})
        | Q(**{f"{agent}__owner": person})
    )
    return asked & ~(Q(kind=Question.UNKNOWN) & part)
