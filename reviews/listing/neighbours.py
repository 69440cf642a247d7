"""What stands before and behind a proposal in a tab of the queue, with the filters that lead there. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet, Subquery

from orchestra.models import Person, Proposal
from reviews import queue
from reviews.listing import places
from reviews.queue import Filters, Reader


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The proposals next to one; None at the ends. `query` keeps tab and filters in their addresses."""

    before: UUID | None
    after: UUID | None
    query: str


def of(proposal: Proposal, name: str, reader: Reader, filters: Filters) -> Neighbours:
    """The neighbours, by one query. Raises NotFound and Invalid as the queue does."""
    query = urlencode({"tab": name, **filters.named()})
    order = queue.order(name)
    if getattr(proposal, order.time) is None:
        return Neighbours(None, None, query)
    rows = queue.rows(name, reader, filters).exclude(pk=proposal.pk)
    beside = {newer: Subquery(_next(rows, proposal, name, newer=newer)) for newer in (True, False)}
    asked = Person.objects.filter(pk=reader.person.pk).annotate(newer=beside[True], older=beside[False])
    before, after = asked.values_list("newer", "older").get()
    return Neighbours(before, after, query)


def _next(
    rows: QuerySet[Proposal], proposal: Proposal, name: str, *, newer: bool
) -> QuerySet[Proposal, UUID]:
    order = queue.order(name)
    beyond = order.place(places.PROPOSALS, proposal).beyond(places.PROPOSALS, order, newer=newer)
    return rows.filter(beyond).order_by(*order.columns(newer=newer)).values_list("uid", flat=True)[:1]
