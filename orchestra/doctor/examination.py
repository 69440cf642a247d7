"""Asks every rule in one snapshot, and tells what is broken: which invariant, what, which rows, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.conf import settings
from django.db import connection

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.doctor import digests, effects, lives
from orchestra.doctor.rules import Rule

RULES: Final[Sequence[Rule]] = (*effects.RULES, *lives.RULES)
#: So many rows are named; the others are counted.
NAMED: Final = 5
TAKEN_ANEW: Final = "calls are kept with other bytes than the digest that was decided on"
RECORD: Final = "the record is broken, or rows are not where their last event says"
KEEP: Final = "Keep the database as it is, and hold it against a seal: `manage.py audit verify`."


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold, the first rows of which it is so, and how many there are."""

    invariant: str
    what: str
    names: tuple[str, ...]
    count: int
    remedy: str


def examine(*, thorough: bool = True) -> Iterator[Broken]:
    """What is broken, as of one moment. `thorough`: take every digest anew and walk the whole record too.

    Raises OperationalError when the database does not answer.
    """
    with record.snapshot():
        _be_patient()
        for rule in RULES:
            yield from _asked(rule)
        if thorough:
            yield from _told("I14", TAKEN_ANEW, digests.altered(), effects.SET_A_HALT)
    if thorough:
        yield from _told("I4", RECORD, (str(one) for one in record.check({}, Count())), KEEP)


def _be_patient() -> None:
    """Some rules read whole tables; this session alone waits longer than a page would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', '600s', true)")


def _asked(rule: Rule) -> Iterator[Broken]:
    sql = f"SELECT count(*), (array_agg(name ORDER BY name))[1:{NAMED}] FROM ({rule.sql}) AS found (name)"  # noqa: S608  our own text
    with connection.cursor() as cursor:
        cursor.execute(sql, {"takeovers": settings.TAKEOVERS, **rule.values})
        count, names = cursor.fetchone()
    if count:
        yield Broken(rule.invariant, rule.what, tuple(names), count, rule.remedy)


def _told(invariant: str, what: str, found: Iterator[str], remedy: str) -> Iterator[Broken]:
    names = tuple(islice(found, NAMED))
    if names:
        yield Broken(invariant, what, names, len(names) + sum(1 for _ in found), remedy)
