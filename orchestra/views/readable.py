"""JSON values as people read them: names with values, lists as lists, nothing that one cannot see. Reads no database.

What is too deep or too long to be read so is shown as JSON, and what is cut says how much.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestra import unseen
from orchestra.canonical import Json
from orchestra.tools.sentences import visible

DEEPEST: Final = 4
MOST_ENTRIES: Final = 200
LONGEST: Final = 20_000
#: Texts of more lines or letters than this stand in a box of their own.
ONE_LINE: Final = 200
#: Lists of so few and so short texts need no box.
FEW: Final = 10
SHORT: Final = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """One value under its name. `text` is what it says, unless it holds `entries`; `long`: in a box of its own."""

    label: str
    text: str = ""
    entries: Sequence[Entry] = ()
    long: bool = False


def entries(value: Json, titles: Mapping[str, Any] | None = None) -> tuple[Entry, ...]:
    """A whole value: of an object one entry for each member, named by the titles of a schema where it has them."""
    if value is None:
        return ()
    shown = titled(value, titles or {})
    if isinstance(value, dict) and len(value) <= MOST_ENTRIES:
        return tuple(entry(shown.get(name, visible(name)), below) for name, below in value.items())
    return (entry("", value),)


def titled(value: Json, schema: Mapping[str, Any]) -> dict[str, str]:
    """The titles that a schema gives to the members of an object."""
    parts = schema.get("properties", {})
    names = value if isinstance(value, dict) else {}
    return {
        name: visible(str(parts[name]["title"]))
        for name in names
        if isinstance(parts.get(name), Mapping) and parts[name].get("title")
    }


def entry(label: str, value: Json, depth: int = 1) -> Entry:
    """One value."""
    if isinstance(value, dict | list) and value:
        return _container(label, value, depth)
    if isinstance(value, str):
        return _text(label, "\n".join(unseen.lines(value)))
    return Entry(label, scalar(value))


def scalar(value: Json) -> str:
    """A value that holds no others."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, [], {}) else json.dumps(value)


def _container(label: str, value: dict[str, Json] | list[Json], depth: int) -> Entry:
    if depth > DEEPEST or len(value) > MOST_ENTRIES:
        written = json.dumps(value, indent=2, ensure_ascii=False)
        return _text(label, "\n".join(unseen.lines(written)), long=True)
    if isinstance(value, list):
        if not any(isinstance(item, dict | list) for item in value):
            return _lines(label, [visible(item) if isinstance(item, str) else scalar(item) for item in value])
        return Entry(
            label, entries=[entry(str(number), item, depth + 1) for number, item in enumerate(value, 1)]
        )
    return Entry(label, entries=[entry(visible(name), item, depth + 1) for name, item in value.items()])


def _lines(label: str, lines: list[str]) -> Entry:
    """One line for each: in a box of their own when they are many, or long."""
    short = len(lines) <= FEW and all(len(line) <= SHORT for line in lines)
    return Entry(label, "\n".join(lines)) if short else _text(label, "\n".join(lines), long=True)


def _text(label: str, text: str, *, long: bool = False) -> Entry:
    left = len(text) - LONGEST
    shown = f"{text[:LONGEST]}… ({left:,} more characters)" if left > 0 else text
    return Entry(label, shown or "(empty)", long=long or len(text) > ONE_LINE or "\n" in text)
