"""What of its values an expression looks at, so that nothing else is converted for it.

Where a text leaves any doubt, the whole value counts as looked at. Refuses to evaluate anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.lookups import Path
from orchestra.readings import COMPREHENSIONS, Comprehension, Reading

#: What may stand before and after an operand that nothing else binds to.
_BEFORE: Final = frozenset({"", "(", "[", ",", "&&", "||", "?", ":"})
_AFTER: Final = frozenset({"", ")", "]", ",", "&&", "||", "?", ":"})


class Way(Enum):
    """How a value is looked at: all of it, only whether it is null, its names or length, or its members for `in`."""

    WHOLE = 1
    PRESENCE = 2
    NAMES = 3
    MEMBERS = 4


Use = tuple[Path, Way]


@dataclass(slots=True)
class Need:
    """What is needed of a value. `names` and `each` lead on to what is needed inside of it."""

    whole: bool = False
    all_names: bool = False
    members: bool = False
    names: dict[str, Need] = field(default_factory=dict)
    each: Need | None = None

    def of(self, values: Mapping[str, Json]) -> dict[str, Any]:
        """The needed part of named values."""
        return {name: below.cut(values[name]) for name, below in self.names.items() if name in values}

    def cut(self, value: Any) -> Any:
        """The needed part of a value; what is only counted or named becomes true."""
        if self.whole or not isinstance(value, dict | list):
            return value
        if isinstance(value, list):
            return self._list(value)
        if self.each is not None:
            each = self.each
            return {name: self.names.get(name, each).cut(held) for name, held in value.items()}
        if self.all_names or self.members:
            return {
                name: self.names[name].cut(held) if name in self.names else True
                for name, held in value.items()
            }
        return {name: below.cut(value[name]) for name, below in self.names.items() if name in value}

    def _list(self, value: list[Any]) -> list[Any]:
        if self.members:
            return value
        if self.each is not None:
            return [self.each.cut(item) for item in value]
        return [True] * len(value)

    def add(self, use: Use) -> None:
        """Need this as well."""
        path, way = use
        here = self
        for part in path:
            here = here._below(part)
        here.whole |= way is Way.WHOLE
        here.all_names |= way is Way.NAMES
        here.members |= way is Way.MEMBERS

    def _below(self, part: str | int | None) -> Need:
        if isinstance(part, str):
            return self.names.setdefault(part, Need())
        if self.each is None:
            self.each = Need()
        return self.each

    def settle(self) -> None:
        """Give each named part what every part needs; call once, when all uses are added."""
        for below in self.names.values():
            if self.each is not None:
                below._join(self.each)
            below.settle()
        if self.each is not None:
            self.each.settle()

    def _join(self, other: Need) -> None:
        self.whole |= other.whole
        self.all_names |= other.all_names
        self.members |= other.members
        for name, below in other.names.items():
            self.names.setdefault(name, Need())._join(below)
        if other.each is not None:
            self.each = self.each or Need()
            self.each._join(other.each)


def need(uses: Iterable[Use]) -> Need:
    """All of these together."""
    root = Need()
    for use in uses:
        root.add(use)
    root.settle()
    return root


def uses(reading: Reading) -> tuple[Use, ...]:
    """How the text looks at each value that it names."""
    return tuple(use for path, last in reading.uses if path is not None for use in _uses(reading, path, last))


def _uses(reading: Reading, path: Path, last: int) -> Iterator[Use]:
    start = reading.starts[last]
    on = _comprehension(reading, last)
    if on is not None:
        yield from _over(reading, path, start, on)
        return
    parts, end = _further(reading, path, last)
    yield parts, _way(reading, start, end)


def _comprehension(reading: Reading, end: int) -> Comprehension | None:
    """The comprehension that runs over what ends here."""
    if reading.sign(end + 1) != "." or reading.sign(end + 2) not in COMPREHENSIONS:
        return None
    return next((each for each in reading.comprehensions if each.first == end + 6), None)


def _over(reading: Reading, path: Path, start: int, on: Comprehension) -> Iterator[Use]:
    """A range gives its length; its elements are looked at through the variable, and where `filter` hands them on."""
    yield path, Way.NAMES
    if on.name != "filter":
        return
    following = _comprehension(reading, on.last)
    if following is not None:
        yield from _over(reading, path, start, following)
    elif reading.sign(on.last + 1) == "[":
        parts, end = _further(reading, path, on.last)
        yield parts, _way(reading, start, end)
    elif not _measured(reading, start, on.last):
        yield (*path, None), Way.WHOLE


def _further(reading: Reading, path: Path, last: int) -> tuple[Path, int]:
    """On through `[anything]` and `.name`, as far as they follow."""
    parts, end = list(path), last
    while reading.sign(end + 1) in ("[", "."):
        if reading.sign(end + 1) == "[":
            parts.append(None)
            end = reading.closing[end + 1]
        elif reading.sign(end + 3) == "(":
            break
        else:
            parts.append(reading.sign(end + 2))
            end += 2
    return tuple(parts), end


def _way(reading: Reading, start: int, end: int) -> Way:
    before, after = reading.sign(start - 1), reading.sign(end + 1)
    if after in ("==", "!=") and reading.sign(end + 2) == "null" and before in _BEFORE:
        return Way.PRESENCE
    if before == "in" and after in _AFTER:
        return Way.MEMBERS
    return Way.NAMES if _measured(reading, start, end) else Way.WHOLE


def _measured(reading: Reading, start: int, end: int) -> bool:
    """Whether this is what `size(...)` is asked of."""
    return (
        reading.sign(start - 2) == "size" and reading.sign(start - 1) == "(" and reading.sign(end + 1) == ")"
    )
