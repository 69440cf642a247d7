"""What waits for people: proposals that a person may see, in the four tabs of the queue. Refuses to decide.

Pages go by keys, so that a deep page costs no more than the first; counts stop at a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet

from orchestra.errors import Invalid, NotFound
from orchestra.models import Approval, Person, Proposal
from orchestra.people import roles

TABS: Final[Mapping[str, str]] = {
    "yours": "Your turn",
    "others": "Waiting for others",
    "decided": "Decided",
    "expired": "Expired",
}
OVER: Final = ("approved", "rejected", "returned", "superseded", "cancelled")
ON_PAGE: Final = 50
MOST_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a tab is wanted: exact names, empty for all. `before` is where a page ends, as `Page.older` gave it."""

    tier: str = ""
    workflow: str = ""
    environment: str = ""
    agent: str = ""
    tool: str = ""
    before: str = ""

    def named(self) -> dict[str, str]:
        """Those that are set, without the place."""
        given = {name: getattr(self, name) for name in ("tier", "workflow", "environment", "agent", "tool")}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, with what they may see and review (ids of deployments) and the groups they are in; read once a page."""

    person: Person
    sees: frozenset[int]
    reviews: frozenset[int]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a tab; `older` leads to the next one, empty at the end."""

    rows: Sequence[Proposal]
    older: str = ""
    filters: Filters = field(default_factory=Filters)


def reader(person: Person) -> Reader:
    """What the queue must know of somebody."""
    groups = Group.objects.filter(user__person=person, user__is_active=True)
    return Reader(
        person,
        frozenset(roles.visible_to(person).values_list("pk", flat=True)),
        frozenset(roles.visible_to(person, "review").values_list("pk", flat=True)),
        frozenset(groups.values_list("name", flat=True)),
    )


def pending(person: Person) -> QuerySet[Proposal]:
    """What waits where the person may look: the highest tier first, the oldest of it first."""
    return visible(person).filter(state="pending").order_by("-tier", "created_at", "id")


def find(uid: UUID, person: Person) -> Proposal:
    """One proposal. Raises NotFound, also for one that is not theirs to see."""
    found = visible(person).filter(uid=uid).first()
    if found is None:
        raise NotFound(f"There is no proposal {uid}.")
    return found


def visible(person: Person) -> QuerySet[Proposal]:
    """All that the person may look at, with what is needed to tell of it."""
    return _told(Proposal.objects.filter(deployment__in=roles.visible_to(person)))


def _told(rows: QuerySet[Proposal]) -> QuerySet[Proposal]:
    return rows.select_related(
        "deployment__workflow",
        "deployment__environment",
        "ruling",
        "toolcall__run__task__requester",
        "toolcall__run__task__service",
        "toolcall__turn__agent_version__agent",
        "toolcall__edited_by",
    )


def tab(name: str, reader: Reader) -> QuerySet[Proposal]:
    """The proposals of a tab, in no order yet. Raises NotFound for a tab that there is not."""
    rows = Proposal.objects.filter(deployment__in=reader.sees)
    if name == "yours":
        return rows.filter(_may_decide(reader), state="pending")
    if name == "others":
        return rows.filter(state="pending").exclude(pk__in=tab("yours", reader).values("pk"))
    if name == "decided":
        return rows.filter(state__in=OVER)
    if name == "expired":
        return rows.filter(state="expired")
    raise NotFound(f"There is no tab {name[:40]!r}.")


def page(name: str, reader: Reader, filters: Filters) -> Page:
    """One page of a tab. Raises Invalid for a place that leads nowhere."""
    rows = _told(tab(name, reader)).filter(**_columns(filters))
    waits = name in {"yours", "others"}
    rows = rows.order_by(*(("-tier", "created_at", "id") if waits else ("-decided_at", "-id")))
    if filters.before:
        rows = rows.filter(_after(filters.before) if waits else _before(filters.before))
    found = list(rows[: ON_PAGE + 1])
    last = found[ON_PAGE - 1] if len(found) > ON_PAGE else None
    older = "" if last is None else (_place(last) if waits else _place_of_decided(last))
    return Page(found[:ON_PAGE], older, filters)


def count(name: str, reader: Reader) -> str:
    """How many a tab holds, as a text: exact up to a thousand."""
    found = tab(name, reader).order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if found > MOST_COUNTED else str(found)


def _may_decide(reader: Reader) -> Q:
    """As far as the database can tell; `resolve.objection` has the last word."""
    person, groups = reader.person, sorted(reader.groups)
    voted = Approval.objects.filter(proposal=OuterRef("pk"), person=person, withdrawn_at__isnull=True)
    task, agent = "toolcall__run__task", "toolcall__turn__agent_version__agent"
    asked = Q(requirements__groups=[]) | Q(requirements__groups__has_any_keys=groups or [""])
    none_asked = Q(requirements__groups__isnull=True)
    return (
        Q(deployment__in=reader.reviews)
        & ~Exists(voted)
        & ~Q(**{f"{task}__requester": person})
        & ~Q(**{f"{task}__service__owner": person})
        & ~Q(**{f"{agent}__owner": person})
        & ~Q(ruling__rules__contains=[{"author": person.name}])
        & (asked | none_asked)
    )


def _columns(filters: Filters) -> dict[str, Any]:
    columns = {
        "tier": "tier",
        "workflow": "deployment__workflow__name",
        "environment": "deployment__environment__name",
        "agent": "toolcall__turn__agent_version__agent__name",
        "tool": "toolcall__tool_name",
    }
    given = filters.named()
    if "tier" in given and given["tier"] not in {"1", "2", "3", "4"}:
        raise Invalid.at("/tier", "A tier is 1, 2, 3 or 4.")
    return {columns[name]: value for name, value in given.items()}


def _place(last: Proposal) -> str:
    return f"{last.tier}~{last.created_at.isoformat()}~{last.pk}"


def _place_of_decided(last: Proposal) -> str:
    return f"{last.decided_at.isoformat() if last.decided_at else ''}~{last.pk}"


def _after(place: str) -> Q:
    """Rows behind a place: lower tiers, or later ones of the same tier; the first key bounds the search."""
    tier, moment, pk = _parts(place, 3)
    at, number = _moment(moment), _number(pk)
    same = Q(tier=_number(tier)) & (Q(created_at__gt=at) | Q(created_at=at, pk__gt=number))
    return Q(tier__lte=_number(tier)) & (Q(tier__lt=_number(tier)) | same)


def _before(place: str) -> Q:
    moment, pk = _parts(place, 2)
    at = _moment(moment)
    return Q(decided_at__lte=at) & (Q(decided_at__lt=at) | Q(decided_at=at, pk__lt=_number(pk)))


def _parts(place: str, number: int) -> list[str]:
    parts = place.split("~")
    if len(parts) != number:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return parts


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.") from None


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return int(text)
