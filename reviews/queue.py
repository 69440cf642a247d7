"""What waits for people: proposals that a person may see, in the four tabs of the queue. Refuses to decide.

Pages go by keys, so that a deep page costs no more than the first; counts stop at a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from orchestra.errors import Invalid, NotFound
from orchestra.models import Approval, Person, Proposal, ToolCall
from orchestra.people import roles
from reviews.listing import places
from reviews.listing.places import Order, Place

TABS: Final[Mapping[str, str]] = {
    "yours": "Your turn",
    "others": "Waiting for others",
    "decided": "Decided",
    "expired": "Expired",
}
OVER: Final = ("approved", "rejected", "returned", "superseded", "cancelled")
ON_PAGE: Final = 50
MOST_COUNTED: Final = 1_000
MOST_WORDS: Final = 5
#: From this tier on who changed a call may not approve it.
OTHERS_FROM_TIER: Final = 3


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a tab is wanted: exact names, words that occur, empty for all.

    `before` is where the page before this one ended, `after` where the one behind it begins (see `entries`).
    """

    tier: str = ""
    workflow: str = ""
    environment: str = ""
    agent: str = ""
    tool: str = ""
    words: str = ""
    before: str = ""
    after: str = ""

    def named(self) -> dict[str, str]:
        """Those that are set, without the place."""
        names = ("tier", "workflow", "environment", "agent", "tool", "words")
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def place(self) -> Place | None:
        """Where the page begins or ends. Raises Invalid for a place that leads nowhere."""
        text = self.after or self.before
        return Place.read(text) if text else None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, with what they may see and review (ids of deployments) and the groups they are in.

    `reader` reads it once for a page; in an `unread` one these are queries, which become parts of others.
    """

    person: Person
    sees: frozenset[int] | QuerySet[Any, Any]
    reviews: frozenset[int] | QuerySet[Any, Any]
    groups: frozenset[str] | QuerySet[Group, str]
    workflows: Sequence[str] = ()
    environments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the proposals of a tab; `older` leads to the next one, empty at the end."""

    rows: Sequence[Proposal]
    older: str = ""


def reader(person: Person) -> Reader:
    """What the queue must know of somebody, by one query."""
    reviewed = roles.visible_to(person, "review").filter(pk=OuterRef("pk"))
    seen = roles.visible_to(person).annotate(
        reviewed=Exists(reviewed.values("pk")), groups_in=ArraySubquery(_groups(person))
    )
    found = list(
        seen.values_list("pk", "reviewed", "groups_in", "workflow__name", "environment__name").order_by("pk")
    )
    return Reader(
        person,
        sees=frozenset(line[0] for line in found),
        reviews=frozenset(line[0] for line in found if line[1]),
        groups=frozenset(found[0][2]) if found else frozenset(),
        workflows=sorted({line[3] for line in found}),
        environments=sorted({line[4] for line in found}),
    )


def unread(person: Person) -> Reader:
    """The same without asking yet, for one query about few rows."""
    return Reader(
        person,
        roles.visible_to(person).values("pk"),
        roles.visible_to(person, "review").values("pk"),
        _groups(person),
    )


def _groups(person: Person) -> QuerySet[Group, str]:
    groups = Group.objects.filter(user__person=person, user__is_active=True)
    return groups.values_list("name", flat=True).distinct()


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
    return told(Proposal.objects.filter(deployment__in=roles.visible_to(person)))


def told(rows: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """With the rows that pages tell of."""
    return rows.select_related(
        "deployment__workflow",
        "deployment__environment",
        "ruling",
        "toolcall__run__task__requester",
        "toolcall__run__task__service",
        "toolcall__turn__agent_version__agent",
        "toolcall__edited_by",
    )


def judged(reader: Reader) -> QuerySet[Any]:
    """All that the reader may look at, with whether it is `mine` to decide, in no order."""
    return Proposal.objects.filter(deployment__in=reader.sees).annotate(mine=_may_decide(reader))


def waiting(reader: Reader) -> QuerySet[Any]:
    """What of it waits."""
    return judged(reader).filter(state="pending")


def tab(name: str, reader: Reader) -> QuerySet[Proposal]:
    """The proposals of a tab, in no order yet. Raises NotFound for a tab that there is not."""
    over = Proposal.objects.filter(deployment__in=reader.sees, decided_at__isnull=False)
    if name in {"yours", "others"}:
        return waiting(reader).filter(mine=name == "yours")
    if name == "decided":
        return over.filter(state__in=OVER)
    if name == "expired":
        return over.filter(state="expired")
    raise NotFound(f"There is no tab {name[:40]!r}.")


def order(name: str) -> Order:
    """How a tab is sorted."""
    return places.WAITING if name in {"yours", "others"} else places.OVER


def rows(name: str, reader: Reader, filters: Filters) -> QuerySet[Proposal]:
    """The proposals of a tab that the filters leave, in no order yet. Raises Invalid."""
    found = tab(name, reader).filter(**_columns(filters))
    return found.filter(worded(filters.words, "sentence", "toolcall__run"))


def page(name: str, reader: Reader, filters: Filters) -> Page:
    """One page of the proposals of a tab. Raises Invalid for a place that leads nowhere."""
    sorting = order(name)
    found = told(rows(name, reader, filters)).order_by(*sorting.columns(newer=False))
    if filters.place is not None:
        found = found.filter(filters.place.beyond(places.PROPOSALS, sorting, newer=False))
    kept = list(found[: ON_PAGE + 1])
    more = len(kept) > ON_PAGE
    older = str(sorting.place(places.PROPOSALS, kept[ON_PAGE - 1])) if more else ""
    return Page(kept[:ON_PAGE], older)


def worded(words: str, told: str, run: str) -> Q:
    """Rows in which every word occurs: in what they say, in the subject or reference of the task, or as the run's id."""
    found = Q()
    for word in words.split()[:MOST_WORDS]:
        anywhere = Q(**{f"{told}__icontains": word})
        anywhere |= Q(**{f"{run}__task__subject__icontains": word})
        anywhere |= Q(**{f"{run}__task__reference__icontains": word})
        found &= anywhere | _run(word, run)
    return found


def _run(word: str, run: str) -> Q:
    try:
        return Q(**{f"{run}__uid": UUID(word)})
    except ValueError:
        return Q(pk__in=())


def _may_decide(reader: Reader) -> Case:
    """Whether a proposal is the reader's to decide, as far as the database can tell.

    `resolve.objection` has the last word.
    """
    person = reader.person
    voted = Approval.objects.filter(proposal=OuterRef("pk"), person=person, withdrawn_at__isnull=True)
    task, agent = "toolcall__run__task", "toolcall__turn__agent_version__agent"
    allowed = (
        Q(deployment__in=reader.reviews)
        & ~Exists(voted)
        & ~Q(**{f"{task}__requester": person})
        & ~Q(**{f"{task}__service__owner": person})
        & ~Q(**{f"{agent}__owner": person})
        & ~(_left_to_others() & Exists(_edited(person)))
        & ~Q(ruling__rules__contains=[{"author": person.name}])
        & _asked(reader)
    )
    return Case(When(allowed, then=Value(value=True)), default=Value(value=False))


def _left_to_others() -> Q:
    """Whether those who changed a call leave it to others, as `resolve.objection` says."""
    return Q(tier__gte=OTHERS_FROM_TIER) | Q(requirements__contains={"other_than_editor": True})


def _edited(person: Person) -> QuerySet[ToolCall]:
    """What the person changed of a proposal's call: it, or one that it takes the place of."""
    same = Q(turn=OuterRef("toolcall__turn")) | Q(turn__isnull=True)
    return ToolCall.objects.filter(
        same,
        step=OuterRef("toolcall__step"),
        ordinal=OuterRef("toolcall__ordinal"),
        revision__lte=OuterRef("toolcall__revision"),
        edited_by=person,
    )


def _asked(reader: Reader) -> Q:
    """Whether the rule asks no group, or one that the reader is in: those of which one each must agree, and stages."""
    mine = (
        ArraySubquery(reader.groups)
        if isinstance(reader.groups, QuerySet)
        else Value(sorted(reader.groups), output_field=ArrayField(TextField()))
    )
    nobody = Func(_AskedGroups(), template="(%(expressions)s = '[]'::jsonb)", output_field=BooleanField())
    us = Func(
        _AskedGroups(),
        Cast(mine, ArrayField(TextField())),
        template="(%(expressions)s)",
        arg_joiner=" ?| ",
        output_field=BooleanField(),
    )
    return Q(nobody) | Q(us)


class _AskedGroups(Func):
    """Every group that the requirements of a proposal name, as one list."""

    template = (
        "(jsonb_path_query_array(%(expressions)s, '$.groups[*]')"
        " || jsonb_path_query_array(%(expressions)s, '$.stages[*][*]'))"
    )
    output_field = JSONField()

    def __init__(self) -> None:
        super().__init__(F("requirements"))


def _columns(filters: Filters) -> dict[str, Any]:
    columns = {
        "tier": "tier",
        "workflow": "deployment__workflow__name",
        "environment": "deployment__environment__name",
        "agent": "toolcall__turn__agent_version__agent__name",
        "tool": "toolcall__tool_name",
    }
    given = {name: value for name, value in filters.named().items() if name in columns}
    if "tier" in given and given["tier"] not in {"1", "2", "3", "4"}:
        raise Invalid.at("/tier", "A tier is 1, 2, 3 or 4.")
    return {columns[name]: value for name, value in given.items()}
