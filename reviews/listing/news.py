"""What has happened since a page of the queue was drawn: how many rows are new, and how those that it shows stand now.

One statement tells all of it. The version is the moment the page was drawn, and a digest of what was told last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import QuerySet
from django.db.models.functions import JSONObject

from orchestra import instants
from orchestra.errors import Invalid
from orchestra.models import HumanTask, Person, Proposal
from reviews import queue, tasks
from reviews.listing import rows
from reviews.listing.rows import Standing
from reviews.queue import ON_PAGE, Filters, Reader

#: A row gets its time before others can see it: what a page did not show may be that much older than the page.
LATE: Final = timedelta(seconds=5)
MOST_NEW: Final = 100


@dataclass(frozen=True, slots=True)
class Version:
    """What a page knows: when it was drawn, and the digest of what it was told last."""

    at: datetime
    told: str = ""

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.told}"


@dataclass(frozen=True, slots=True)
class News:
    """How many rows are new in the tab, and how the shown ones stand."""

    fresh: int
    standings: Sequence[Standing]
    version: Version

    @property
    def decided(self) -> int:
        """How many of the shown rows are over."""
        return sum(standing.over for standing in self.standings)

    @property
    def number(self) -> str:
        """How many are new, as people read it."""
        return f"{MOST_NEW}+" if self.fresh > MOST_NEW else str(self.fresh)


def version(text: str) -> Version:
    """The version that a page sends. Raises Invalid."""
    moment, _, told = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise Invalid.at("/since", "This is no version of the queue. Load the page again.") from None
    if at.tzinfo is None or not instants.is_near(at):
        raise Invalid.at("/since", "This is no version of the queue. Load the page again.")
    return Version(at, told[:64])


def shown(texts: Iterable[str]) -> list[UUID]:
    """The rows that a page shows: names of a full page at most. Raises Invalid."""
    try:
        return [UUID(text) for text in list(texts)[:ON_PAGE]]
    except ValueError:
        raise Invalid.at("/row", "A row is named by its id.") from None


def drawn(at: datetime, standings: Sequence[Standing]) -> Version:
    """The version of a page that has just been drawn."""
    return Version(at, _digest(0, standings))


def since(name: str, reader: Reader, filters: Filters, known: Version, uids: Sequence[UUID]) -> News:
    """What is new in a tab, and how these rows stand. Raises as `entries.page`."""
    fresh, asked, told, answers = _ask(name, reader, filters, known, uids)
    standings = {one["uid"]: rows.of_votes(one) for one in told} | {
        one["uid"]: _of_answer(one) for one in answers
    }
    found = [standings[str(uid)] for uid in uids if str(uid) in standings]
    number = len(fresh) + len(asked)
    return News(number, found, Version(known.at, _digest(number, found)))


def _ask(name: str, reader: Reader, filters: Filters, known: Version, uids: Sequence[UUID]) -> Sequence[Any]:
    since = known.at - LATE
    new = queue.rows(name, reader, filters), tasks.rows(name, reader, filters)
    words = queue.worded(filters.words, "title", "run")
    fresh, asked = (
        _new(part, queue.order(name).time, since, uids) for part in (new[0], new[1].filter(words))
    )
    person = Person.objects.filter(pk=reader.person.pk)
    columns = {
        "fresh": fresh,
        "asked": asked,
        "told": _votes(reader, uids),
        "answers": _answers(reader, uids),
    }
    found = person.annotate(**columns).values_list(*columns).get()
    return [told or () for told in found]  # what cannot have rows is not asked for, and null


def _new(part: QuerySet[Any], time: str, since: datetime, uids: Sequence[UUID]) -> ArraySubquery:
    later = part.filter(**{f"{time}__gt": since}).exclude(uid__in=uids)
    return ArraySubquery(later.order_by().values("pk")[: MOST_NEW + 1])


def _votes(reader: Reader, uids: Sequence[UUID]) -> ArraySubquery:
    seen = Proposal.objects.filter(uid__in=uids, deployment__in=reader.sees)
    columns = ("uid", "state", "requirements", "votes_needed", "effective_at")
    counted = ("have", "last_by", "claimed", "looking")
    return _json(rows.with_standing(seen, reader.person), (*columns, *counted))


def _answers(reader: Reader, uids: Sequence[UUID]) -> ArraySubquery:
    seen = HumanTask.objects.filter(uid__in=uids, deployment__in=reader.sees)
    return _json(seen.annotate(last_by=rows.ANSWERED_BY), ("uid", "state", "group__name", "last_by"))


def _json(seen: QuerySet[Any], columns: Sequence[str]) -> ArraySubquery:
    told = JSONObject(**{column: column for column in columns})
    return ArraySubquery(seen.values(told=told))


def _of_answer(one: dict[str, Any]) -> Standing:
    return rows.of_answer(one["uid"], one["state"], one["group__name"], one["last_by"] or "")


def _digest(fresh: int, standings: Sequence[Standing]) -> str:
    told = "\n".join([str(fresh), *(repr(standing) for standing in standings)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
