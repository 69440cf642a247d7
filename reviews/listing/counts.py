"""How much waits for somebody in each tab, by one statement. Exact up to a thousand; of what is over, today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Func, IntegerField, QuerySet
from django.db.models.functions import Cast, Coalesce, Now, TruncDay

from orchestra.models import Person
from reviews import queue, tasks
from reviews.listing import places
from reviews.queue import MOST_COUNTED, Reader

OVER: Final = ("decided", "expired")


@dataclass(frozen=True, slots=True)
class Counts:
    """For each tab how many it holds, as people read it, and the moment of the database when they were counted."""

    words: Mapping[str, str]
    at: datetime


def of(reader: Reader) -> Counts:
    """All tabs at once."""
    over = [_number(_today(part.tab(name, reader))) for name in OVER for part in (queue, tasks)]
    mine, own, others, *ended, at = _ask(reader.person, [*_waiting(reader), *over, Now()])
    decided, expired = (_capped(sum(ended[index : index + 2])) for index in (0, 2))
    return Counts({**_shared(mine, own, others), "decided": decided, "expired": expired}, at)


def yours(reader: Reader) -> str:
    """How much waits for the reader alone."""
    mine, own, others = _ask(reader.person, _waiting(reader))
    return _shared(mine, own, others)["yours"]


def _waiting(reader: Reader) -> list[Any]:
    """Of the proposals that wait whether each is the reader's; how many questions are, and how many are not."""
    rows = queue.waiting(reader).order_by(*places.WAITING.columns(newer=False))
    mine = ArraySubquery(rows.values("mine")[: MOST_COUNTED + 1])
    return [mine, *(_number(tasks.tab(name, reader)) for name in ("yours", "others"))]


def _ask(person: Person, columns: Sequence[Any]) -> Sequence[Any]:
    named = {f"column_{number}": column for number, column in enumerate(columns)}
    found: Sequence[Any] = Person.objects.filter(pk=person.pk).annotate(**named).values_list(*named).get()
    return found


def _today(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(decided_at__gte=TruncDay(Now()))


def _number(rows: QuerySet[Any]) -> Coalesce:
    ids = ArraySubquery(rows.order_by().values("pk")[: MOST_COUNTED + 1])
    # What cannot have rows is not asked for, and null: a null that must say of what.
    listed = Cast(ids, ArrayField(BigIntegerField()))
    return Coalesce(Func(listed, function="cardinality", output_field=IntegerField()), 0)


def _shared(mine: Sequence[bool], own: int, others: int) -> dict[str, str]:
    """Of more than a thousand nobody knows whose they are: what was found, and a sign that there is more."""
    more = "+" if len(mine) > MOST_COUNTED else ""
    waits = sum(mine)
    return {"yours": f"{waits + own}{more}", "others": f"{len(mine) - waits + others}{more}"}


def _capped(number: int) -> str:
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)
