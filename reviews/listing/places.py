"""Where a page of the queue begins or ends: the keys of one row, as a text in an address. Pure but for Django's Q.

What waits is sorted by tier (the highest first), then by age (the oldest first); what is over by its end (the newest first).
Proposals and questions share these keys; of two that are alike, those of the lower source come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.db.models import Q

from orchestra import instants
from orchestra.errors import Invalid

PROPOSALS: Final = 0
QUESTIONS: Final = 1
NOWHERE: Final = "This page does not exist: go back to the first one."
LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class Place:
    """The keys of a row. `tier` is 0 where rows are not sorted by it."""

    tier: int
    at: datetime
    source: int
    pk: int

    def __str__(self) -> str:
        return f"{self.tier}~{self.at.isoformat()}~{self.source}~{self.pk}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that a text names. Raises Invalid."""
        parts = text.split("~")
        if len(parts) != 4:
            raise Invalid.at("/before", NOWHERE)
        tier, moment, source, pk = parts
        return cls(_number(tier), _moment(moment), _number(source), _number(pk))

    def beyond(self, source: int, order: Order, *, newer: bool) -> Q:
        """The rows of a source behind this place, or before it."""
        time, tie = (f"{order.time}__{'lt' if order.time_falls != newer else 'gt'}", _tie(order, newer))
        same = Q(**{order.time: self.at}) & self._of_same_time(source, tie)
        later = Q(**{time: self.at}) | same
        if not order.by_tier:
            return Q(**{f"{time}e": self.at}) & later
        word = "gt" if newer else "lt"
        bound = Q(**{f"tier__{word}e": self.tier})  # the first key bounds the search
        return bound & (Q(**{f"tier__{word}": self.tier}) | (Q(tier=self.tier) & later))

    def _of_same_time(self, source: int, tie: str) -> Q:
        if source == self.source:
            return Q(**{f"pk__{tie}": self.pk})
        behind = source > self.source if tie == "gt" else source < self.source
        return Q() if behind else Q(pk__in=())


@dataclass(frozen=True, slots=True)
class Order:
    """How the rows of a tab are sorted: by which time, and whether by tier before."""

    time: str
    by_tier: bool
    time_falls: bool

    def columns(self, *, newer: bool) -> tuple[str, ...]:
        """For order_by; the other way round for a page before a place."""
        fall = "-" if self.time_falls else ""
        usual = (*(["-tier"] if self.by_tier else []), f"{fall}{self.time}", f"{fall}pk")
        return tuple(_turned(column) for column in usual) if newer else usual

    def key(self, source: int, row: Any) -> tuple[float, ...]:
        """A row's place in the order, for rows of both sources together."""
        sign = -1 if self.time_falls else 1
        tier = -row.tier if self.by_tier else 0
        return (tier, sign * getattr(row, self.time).timestamp(), sign * source, sign * row.pk)

    def place(self, source: int, row: Any) -> Place:
        """Where a row stands."""
        return Place(row.tier if self.by_tier else 0, getattr(row, self.time), source, row.pk)


WAITING: Final = Order("created_at", by_tier=True, time_falls=False)
OVER: Final = Order("decided_at", by_tier=False, time_falls=True)


def _tie(order: Order, newer: bool) -> str:
    return "lt" if order.time_falls != newer else "gt"


def _turned(column: str) -> str:
    return column.removeprefix("-") if column.startswith("-") else f"-{column}"


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.at("/before", NOWHERE) from None
    if found.tzinfo is None or not instants.is_near(found):
        raise Invalid.at("/before", NOWHERE)
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > LONGEST_NUMBER:
        raise Invalid.at("/before", NOWHERE)
    return int(text)
