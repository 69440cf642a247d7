"""Where the values of a call were seen before: said by a person, by the requester, by a tool, or by the agent alone.

Compares words, not meaning: what is only similar counts as made up. Refuses to weigh sources; rules do that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orchestra.canonical import Json

#: From the most to the least trusted; the last is what no source has said.
PERSON: Final = "person"
REQUESTER: Final = "requester"
TOOL: Final = "tool"
AGENT: Final = "agent"
ORDER: Final = (PERSON, REQUESTER, TOOL, AGENT)
#: For an argument that holds no value at all, such as an empty list or text.
NOTHING: Final = "nothing"

_GAPS: Final = re.compile(r"\W+")


class Seen:
    """Everything that was said in a run so far, by origin."""

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = {origin: [] for origin in ORDER[:-1]}

    def add(self, origin: str, value: Json) -> None:
        """Take note of a text, or of every value and name inside of plain data."""
        self._said[origin] += [f" {words} " for each in _parts(value, names=True) if (words := _words(each))]

    def provenance(self, arguments: Json) -> dict[str, Json]:
        """For each argument the least trusted origin among its values: the variable `provenance` of rules."""
        given = arguments if isinstance(arguments, dict) else {}
        return {name: self._of(value) for name, value in given.items()}

    def _of(self, value: Json) -> str:
        origins = [self._origin(words) for each in _parts(value, names=False) if (words := _words(each))]
        return max(origins, key=ORDER.index, default=NOTHING)

    def _origin(self, words: str) -> str:
        wanted = f" {words} "
        for origin, said in self._said.items():
            if any(wanted in text for text in said):
                return origin
        return AGENT


def _words(text: str) -> str:
    """The same for `#W1`, `w1` and `"W1".`; letters, digits and _ make words."""
    return _GAPS.sub(" ", text.casefold()).strip()


def _parts(value: Json, *, names: bool) -> Iterator[str]:
    """Texts and numbers inside of a value; also the names of objects, where ids often stand."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
            yield from item if names else ()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str):
            yield item
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield str(item)
