"""One page of a tab of the queue: proposals and questions as lines, merged by the keys that they share. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from orchestra.models import Proposal
from orchestra.unseen import visible
from reviews import queue, tasks
from reviews.listing import rows
from reviews.listing.places import PROPOSALS, QUESTIONS
from reviews.listing.rows import Row
from reviews.queue import ON_PAGE, Filters, Reader

#: Of so many rows of a tab the agents and tools are offered as filters.
MOST_SAMPLED: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of one page; `older` and `newer` name the pages beside it, empty where there is none."""

    rows: Sequence[Row]
    older: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be filtered by: names that there are."""

    workflows: Sequence[str]
    environments: Sequence[str]
    agents: Sequence[str]
    tools: Sequence[str]


NOTHING: Final = Offered((), (), (), ())


def page(name: str, reader: Reader, filters: Filters, now: datetime) -> Page:
    """One page of a tab. Raises NotFound for a tab that there is not, Invalid for filters and places without meaning."""
    back = bool(filters.after)
    found = _merged(name, reader, filters, back=back)
    more, found = len(found) > ON_PAGE, found[:ON_PAGE]
    if back:
        found.reverse()
    lines = [_line(source, row, now, can=name == "yours") for source, row in found]
    if not found:
        return Page(lines)
    first, last = (str(queue.order(name).place(*found[end])) for end in (0, -1))
    older = more or back
    newer = more if back else bool(filters.before)
    return Page(lines, last if older else "", first if newer else "")


def last(reader: Reader, now: datetime) -> Row | None:
    """The last decision on a proposal that the reader sees."""
    over = queue.tab("decided", reader).order_by(*queue.order("decided").columns(newer=False))
    found = rows.proposals(over[:1], reader.person)
    return rows.of_proposal(found[0], now, can=False) if found else None


def offered(name: str, reader: Reader) -> Offered:
    """Workflows and environments that the reader sees; agents and tools of the first of a tab."""
    first = queue.tab(name, reader).order_by(*queue.order(name).columns(newer=False))[:MOST_SAMPLED]
    pairs = Proposal.objects.filter(pk__in=first.values("pk")).values_list(
        "toolcall__turn__agent_version__agent__name", "toolcall__tool_name"
    )
    found = list(pairs.distinct())
    named = ({pair[end] for pair in found if pair[end]} for end in (0, 1))
    agents, tools = ({name for name in names if visible(name) == name} for names in named)
    return Offered(reader.workflows, reader.environments, sorted(agents), sorted(tools))


def _merged(name: str, reader: Reader, filters: Filters, *, back: bool) -> list[tuple[int, Any]]:
    """A page and one row more, from the place on or backwards to it."""
    order, place = queue.order(name), filters.place
    asked = tasks.rows(name, reader, filters).filter(queue.worded(filters.words, "title", "run"))

    def part(source: int, rows: QuerySet[Any]) -> QuerySet[Any]:
        beyond = place.beyond(source, order, newer=back) if place is not None else Q()
        return rows.filter(beyond).order_by(*order.columns(newer=back))[: ON_PAGE + 1]

    told = rows.proposals(part(PROPOSALS, queue.rows(name, reader, filters)), reader.person)
    found = [(PROPOSALS, row) for row in told]
    found += [(QUESTIONS, row) for row in rows.questions(part(QUESTIONS, asked))]
    return sorted(found, key=lambda pair: order.key(*pair), reverse=back)[: ON_PAGE + 1]


def _line(source: int, row: Any, now: datetime, *, can: bool) -> Row:
    return rows.of_proposal(row, now, can=can) if source == PROPOSALS else rows.of_question(row, now)
