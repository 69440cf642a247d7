"""What a change changes, as a view model: values before and after by their path, in the kind that suits them. Pure.

Refuses to know of tools and tables; `effect` says what is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from reviews.proposal import currencies, lines
from reviews.proposal.lines import Row
from reviews.proposal.marks import Piece, pieces

#: So many characters of a value are shown; the rest is a link.
LONGEST: Final = 2_000
#: So many values of one comparison are shown.
MOST: Final = 200
FIRST: Final = 5
DEEPEST: Final = 64

_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+")
_MONEY: Final = frozenset({"amount", "currency", "minor", "kind", "method"})


class Kind(StrEnum):
    """How a value is shown."""

    SCALAR = "scalar"
    TEXT = "text"
    JSON = "json"
    LIST = "list"
    MONEY = "money"
    RECIPIENTS = "recipients"


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no value here."""


ABSENT: Final = Absent()
Value = Json | Absent


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after. `at` is its place as a JSON pointer, `more` how many characters are not shown."""

    at: str
    label: Sequence[Piece]
    kind: Kind
    state: str
    rows: Sequence[Row]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All values of two sides. `left_out`: so many more than are shown."""

    changes: Sequence[Change]
    same: Sequence[Change] = ()
    left_out: int = 0


def compare(before: Value, after: Value, *, at: str = "", longest: int = LONGEST) -> Comparison:
    """Two values, leaf by leaf; `at` is the pointer of where they stand, `longest` what is shown of one value."""
    leaves = list(_leaves(before, after, at, "", 0))
    changed = [leaf for leaf in leaves if not _equal(leaf[2], leaf[3])]
    same = [leaf for leaf in leaves if _equal(leaf[2], leaf[3])]
    return Comparison(
        [change(*leaf, longest=longest) for leaf in changed[:MOST]],
        [change(*leaf, longest=longest) for leaf in same[:MOST]],
        max(0, len(changed) - MOST) + max(0, len(same) - MOST),
    )


def change(at: str, label: str, before: Value, after: Value, *, longest: int = LONGEST) -> Change:
    """One leaf."""
    kind, state = _kind(before, after), _state(before, after)
    whole = state == "changed" or longest > LONGEST
    old, new = _text(before, kind, whole=whole), _text(after, kind, whole=whole)
    if state == "changed" and old == new:
        old, new = _exactly(before), _exactly(after)
    rows, more = lines.rows(old, new, most=longest)
    return Change(at, pieces(label), kind, state, rows, more or _hidden(kind, after, new))


def _exactly(value: Value) -> str | None:
    """A value so that 1 and "1" differ."""
    return None if isinstance(value, Absent) else canonical.encode(value).decode()


def _hidden(kind: Kind, value: Value, text: str | None) -> int:
    """Characters of recipients that are not named."""
    if kind is not Kind.RECIPIENTS or not isinstance(value, list) or text is None:
        return 0
    return max(0, len(recipients(value)) - len(text))


def _state(before: Value, after: Value) -> str:
    if isinstance(before, Absent):
        return "added"
    if isinstance(after, Absent):
        return "removed"
    return "same" if _equal(before, after) else "changed"


def _equal(before: Value, after: Value) -> bool:
    if isinstance(before, Absent) or isinstance(after, Absent):
        return before is after
    return canonical.encode(before) == canonical.encode(after)


def _leaves(
    before: Value, after: Value, at: str, label: str, depth: int
) -> Iterator[tuple[str, str, Value, Value]]:
    """Places at which there is no more to take apart: pointer, label, both values."""
    names = _names(before, after) if depth < DEEPEST else []
    if not names:
        yield at, label, before, after
        return
    for name in names:
        step = f"[{name}]" if isinstance(name, int) else f".{name}" if label else str(name)
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        yield from _leaves(
            _member(before, name), _member(after, name), f"{at}/{escaped}", f"{label}{step}", depth + 1
        )


def _names(before: Value, after: Value) -> Sequence[str | int]:
    """Of what is inside of both; nothing where they are to be shown whole."""
    there = [value for value in (before, after) if not isinstance(value, Absent)]
    if any(is_money(value) or is_recipients(value) for value in there):
        return []
    if there and all(isinstance(value, dict) for value in there):
        objects: list[Any] = [after, before]
        return list(dict.fromkeys(name for each in objects if isinstance(each, dict) for name in each))
    if there and all(isinstance(value, list) and not is_plain(value) for value in there):
        return list(range(max(len(value) for value in there if isinstance(value, list))))
    return []


def _member(value: Value, name: str | int) -> Value:
    if isinstance(value, dict) and isinstance(name, str):
        return value.get(name, ABSENT)
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return value[name]
    return ABSENT


def _kind(before: Value, after: Value) -> Kind:
    there = [value for value in (before, after) if not isinstance(value, Absent)]
    if any(is_money(value) for value in there):
        return Kind.MONEY
    if any(is_recipients(value) for value in there):
        return Kind.RECIPIENTS
    if there and all(is_plain(value) for value in there):
        return Kind.LIST
    if any(isinstance(value, dict | list) for value in there):
        return Kind.JSON
    if any(isinstance(value, str) and ("\n" in value or len(value) > lines.SHORT) for value in there):
        return Kind.TEXT
    return Kind.SCALAR


def _text(value: Value, kind: Kind, *, whole: bool) -> str | None:
    """A value as it is read; None where there is none."""
    if isinstance(value, Absent):
        return None
    if isinstance(value, list) and kind in {Kind.LIST, Kind.RECIPIENTS}:
        return _list(value, kind, whole=whole)
    if kind is Kind.MONEY and isinstance(value, Mapping):
        return money(value)
    if isinstance(value, str):
        return value or "(empty)"
    return "(nothing)" if value is None else canonical.encode(value).decode()


def _list(value: Sequence[Json], kind: Kind, *, whole: bool) -> str:
    if kind is Kind.LIST:
        return "\n".join(_item(item) for item in value)
    return recipients(value) if whole else first_recipients(value)


def is_money(value: Value) -> bool:
    """Whether it is an amount with its currency; one that is given twice is two values."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("currency"), str)
        and len({"amount", "minor"} & value.keys()) == 1
        and value.keys() <= _MONEY
    )


def money(value: Mapping[str, Any]) -> str:
    """`12.50 EUR`, with what it is for; whole minor units become an amount."""
    said = " ".join(str(value[name]) for name in ("kind", "method") if value.get(name))
    return _amount(value, str(value["currency"])) + (f" ({said})" if said else "")


def _amount(value: Mapping[str, Any], currency: str) -> str:
    minor = value.get("minor")
    if "minor" not in value:
        return f"{value['amount']} {currency}"
    known = currencies.amount(minor, currency) if type(minor) is int else None
    return f"{known} {currency}" if known is not None else f"{minor} minor units of {currency}"


def is_plain(value: Value) -> bool:
    """Whether it is a list of values that hold no others: compared line by line, so that one more moves no others."""
    return (
        isinstance(value, list) and bool(value) and not any(isinstance(item, dict | list) for item in value)
    )


def _item(item: Json) -> str:
    """One line of a list."""
    plain = isinstance(item, str) and item and "\n" not in item
    return str(item) if plain else canonical.encode(item).decode()


def is_recipients(value: Value) -> bool:
    """Whether it is a list of addresses of mail."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(item, str) and _ADDRESS.fullmatch(item) for item in value)
    )


def recipients(value: Sequence[Any]) -> str:
    """How many, and each of them."""
    return "\n".join([f"{len(value):,} recipients:", *(str(item) for item in value)])


def first_recipients(value: Sequence[Any]) -> str:
    """How many, and the first of them."""
    left = len(value) - FIRST
    shown = [f"{len(value):,} recipients:", *(str(item) for item in value[:FIRST])]
    return "\n".join([*shown, f"and {left:,} more"] if left > 0 else shown)
