"""Reads a CEL text for the names, paths and comprehensions it uses. The library parses, but shows no tree.
Refuses names and functions that are not known. Evaluates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, NamedTuple

from orchestra.lookups import Path, fail, listed

MOST_COMPREHENSIONS: Final = 4

COMPREHENSIONS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
FUNCTIONS: Final = frozenset({
    "cents", "contains", "double", "duration", "dyn", "endsWith", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
    "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "int", "matches",
    "size", "startsWith", "string", "sum", "timestamp", "uint",
})  # fmt: skip
_WORDS: Final = frozenset({"true", "false", "null", "in"})

_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
    |(?P<string>(?:[rR][bB]?|[bB][rR])(?:\"""[\s\S]*?\"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"""(?:\\[\s\S]|[^\\])*?\"""|'''(?:\\[\s\S]|[^\\])*?'''
            |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"""'[^'\\\n]*'|"[^"\\\n]*\"""")  # a string without escapes


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`range.name(variable, body)`; `first` and `last` are the places of its body in the token list."""

    name: str
    variable: str
    first: int
    last: int
    range: Path | None
    literal: int = 0  # tokens of a range written out as a list
    over: int | None = None  # the comprehension whose result is the range

    @property
    def element(self) -> Path | None:
        return None if self.range is None else (*self.range, None)


class Reading:
    """The names, paths and comprehensions of a text; `uses` holds each path (None: not known) and its last place.

    `starts` maps that place to the first one.
    """

    def __init__(self, text: str, declared: frozenset[str]) -> None:
        self.text = text
        self.declared = declared
        self.tokens = list(_tokens(text))
        self.closing = _closing(self.tokens)
        self.opening = {last: first for first, last in self.closing.items()}
        self.uses: list[tuple[Path | None, int]] = []
        self.starts: dict[int, int] = {}
        self.ends: dict[int, Path | None] = {}
        self.comprehensions: list[Comprehension] = []
        place = 0
        while place < len(self.tokens):
            place = self._name(place) if self.tokens[place].kind == "name" else place + 1

    def sign(self, place: int) -> str:
        """The text of a token, "" outside of the list."""
        return self.tokens[place].text if 0 <= place < len(self.tokens) else ""

    def _name(self, place: int) -> int:
        name, method = self.sign(place), self.sign(place - 1) == "."
        if self.sign(place + 1) == "(" and name not in _WORDS:
            if method and name in COMPREHENSIONS:
                self.comprehensions.append(self._comprehension(place))
                return place + 4
            self._known("function", place, FUNCTIONS | COMPREHENSIONS if method else FUNCTIONS)
        elif not method and name not in _WORDS:
            return self._path(place)
        return place + 1

    def _known(self, kind: str, place: int, names: frozenset[str]) -> None:
        token = self.tokens[place]
        if token.text not in names:
            close = get_close_matches(token.text, sorted(names), n=1)
            meant = f"; did you mean `{close[0]}`?" if close else f"; known are: {listed(names)}"
            fail(self.text, f"unknown {kind} `{token.text}`{meant}", token.at)

    def _path(self, place: int) -> int:
        """Follow `a.b[0]["c"]` as far as it is constant; returns the place behind it."""
        start, parts = place, [self.sign(place)]
        place += 1
        rest: list[str | int] = []
        while (step := self._step(place)) is not None:
            rest.append(step[0])
            place = step[1]
        base = self._base(start, parts[0])
        path = None if base is None else (*base, *rest)
        self.uses.append((path, place - 1))
        self.starts[place - 1] = start
        self.ends[place - 1] = path
        return place

    def _step(self, place: int) -> tuple[str | int, int] | None:
        sign, following = self.sign(place), self.sign(place + 1)
        if sign == "." and self.sign(place + 2) != "(":
            return following, place + 2
        if sign == "[" and self.sign(place + 2) == "]":
            if following.isdecimal():
                return int(following), place + 3
            if _PLAIN.fullmatch(following):
                return following[1:-1], place + 3
        return None

    def _base(self, place: int, name: str) -> Path | None:
        for around in reversed(self.comprehensions):
            if around.variable == name and around.first <= place < around.last:
                return around.element
        self._known("name", place, self.declared)
        return (name,)

    def _comprehension(self, place: int) -> Comprehension:
        name, at = self.sign(place), self.tokens[place].at
        if len(self.comprehensions) == MOST_COMPREHENSIONS:
            fail(
                self.text, f"more than {MOST_COMPREHENSIONS} comprehensions (all, exists, map, filter...)", at
            )
        if self.sign(place + 3) != ",":
            fail(self.text, f"`{name}` takes a variable and an expression: list.{name}(x, ...)", at)
        body = (name, self.sign(place + 2), place + 4, self.closing[place + 1])
        end = place - 2
        if self.ends.get(end) is not None:
            return Comprehension(*body, range=self.ends[end])
        for number, before in enumerate(self.comprehensions):
            if before.last == end:
                return Comprehension(
                    *body, range=before.range if before.name == "filter" else None, over=number
                )
        start = self.opening.get(end, end)
        if self.sign(end) == "]" and (
            self.sign(start - 1) in _WORDS or self.tokens[start - 1].kind == "sign"
        ):
            return Comprehension(*body, range=None, literal=end - start)
        if name in ("map", "filter"):
            fail(self.text, f"`{name}` runs over a name, a list in brackets or another {name}", at)
        return Comprehension(*body, range=None)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            fail(text, f"`{text[at]}` is not understood", at)
        if match.lastgroup != "space":
            yield _Token(str(match.lastgroup), match.group(), at)
        at = match.end()


def _closing(tokens: list[_Token]) -> dict[int, int]:
    """Place of each opening bracket to that of its closing one; the library has seen that they match."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for place, token in enumerate(tokens):
        if token.text in ("(", "[", "{"):
            opened.append(place)
        elif token.text in (")", "]", "}") and opened:
            found[opened.pop()] = place
    return found
