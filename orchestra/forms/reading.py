"""Reads what a form sent back into the JSON value that it means, checked against the whole schema.

A field that nobody touched keeps its value exactly; one that is left blank is absent. Raises Invalid, with pointers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from orchestra import canonical, schemas
from orchestra.canonical import Json
from orchestra.errors import Invalid, Problem
from orchestra.forms import notation, shapes
from orchestra.forms.shapes import ABSENT, Kind, Shape, Value

PREFIX: Final = "f"
LONGEST_LIST: Final = 200
NEEDED: Final = "This is needed."
UNKNOWN: Final = (
    "The form has changed since you opened it, and asks for other things now. Load the page again."
)
_UNLIKE: Final = re.compile(r'the value does not match "(.*)"')
_REQUIRED: Final = re.compile(r'"(.+)" is a required property')


class Posted(Protocol):
    """What a form sent: Django's QueryDict, or anything like it."""

    def getlist(self, key: str) -> list[Any]:
        """Every text of that name."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The names."""
        ...


def value(schema: Mapping[str, Any], posted: Posted, *, start: Json = None, prefix: str = PREFIX) -> Json:
    """The value of a posted form that began with `start` (None: with nothing). Raises Invalid with every problem."""
    shape = shapes.plan(schema, ABSENT if start is None else start)
    reading = _Reading(posted, prefix)
    found = reading.part(shape)
    if names := reading.strangers(shape):
        reading.problems.append(Problem("", f"{UNKNOWN} ({', '.join(sorted(names))[:LONGEST_LIST]})"))
    whole = {} if found is ABSENT else found
    problems = [*reading.problems, *_beside(reading.problems, _of_schema(schema, whole))]
    if problems:
        raise Invalid.of(problems)
    return whole


@dataclass(slots=True)
class _Reading:
    """Goes through the shapes, and collects what cannot be read."""

    posted: Posted
    prefix: str
    problems: list[Problem] = field(default_factory=list)

    def part(self, shape: Shape) -> Value:
        if shape.kind is Kind.FIXED:
            return shape.options[0][0]
        if shape.kind is Kind.GROUP:
            return self._group(shape)
        given = [text for text in (notation.sent(shape, text) for text in self._texts(shape)) if text]
        if given == list(notation.texts(shape, shape.start)) and shape.start is not ABSENT:
            return shape.start
        if not any(text.strip() for text in given):
            return _blank(shape)
        try:
            return notation.parse(shape, given)
        except Invalid as error:
            self.problems += [_moved(problem, shape) for problem in error.problems]
            return ABSENT

    def _texts(self, shape: Shape) -> list[str]:
        return [str(text) for text in self.posted.getlist(self.prefix + shape.pointer)]

    def _group(self, shape: Shape) -> Value:
        """An optional group of which nothing is typed is absent, or still what it was."""
        if shape.path and not shape.required and not self._typed(shape):
            return shape.start if self._untouched(shape) else ABSENT
        inside = {part.path[-1]: self.part(part) for part in shape.parts}
        return {name: found for name, found in inside.items() if found is not ABSENT}

    def _typed(self, shape: Shape) -> bool:
        return any(text.strip() for leaf in leaves(shape) for text in self._texts(leaf))

    def _untouched(self, shape: Shape) -> bool:
        return not any(
            notation.texts(leaf, leaf.start) for leaf in leaves(shape) if leaf.kind is not Kind.FIXED
        )

    def strangers(self, shape: Shape) -> set[str]:
        """Names under the prefix that the form does not have."""
        sent = {str(name) for name in self.posted}
        own = {self.prefix + leaf.pointer for leaf in leaves(shape)}
        mine = {name for name in sent if name == self.prefix or name.startswith(f"{self.prefix}/")}
        return mine - own


def leaves(shape: Shape) -> Iterator[Shape]:
    """The parts that have an input."""
    if shape.kind is not Kind.GROUP:
        yield shape
    for part in shape.parts:
        yield from leaves(part)


def _blank(shape: Shape) -> Value:
    """What a blank input means: nothing, where the schema leaves a choice."""
    if shape.required and shape.kind in {Kind.LINES, Kind.CHOICES}:
        return []
    if shape.required and shape.nullable:
        return None
    return ABSENT


def _moved(problem: Problem, shape: Shape) -> Problem:
    """A problem of a part, seen from the whole."""
    if shape.kind is Kind.LINES and problem.pointer:
        return Problem(shape.pointer, f"Item {int(problem.pointer[1:]) + 1}: {problem.message}")
    told = problem.line is None or f"line {problem.line} " in problem.message
    line = "" if told else f"Line {problem.line}: "
    said = f"{line}{problem.message}"
    return Problem(shape.pointer + problem.pointer, said[:1].upper() + said[1:])


def _of_schema(schema: Mapping[str, Any], found: Json) -> Iterator[Problem]:
    """What the schema says of the value, in words for people; what is missing is told at its own field."""
    try:
        kept = canonical.check(found)
    except Invalid as error:
        yield from error.problems
        return
    for problem in schemas.compile(schema).problems(kept):
        missing = _REQUIRED.fullmatch(problem.message)
        if missing:
            yield Problem(problem.pointer + canonical.pointer([missing[1]]), NEEDED)
        else:
            yield Problem(problem.pointer, _kindly(problem.message))


def _kindly(message: str) -> str:
    """The message of the schema as a sentence to a person."""
    if unlike := _UNLIKE.fullmatch(message):
        return f"This does not have the form that is asked for: {unlike[1]}"
    said = message.replace("the value", "this", 1)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith('.') else '.'}"


def _beside(known: Iterable[Problem], others: Iterable[Problem]) -> Iterator[Problem]:
    """Those of others that are not the consequence of what could not be read."""
    places = [problem.pointer for problem in known]
    for problem in others:
        if not any(f"{place}/".startswith(f"{problem.pointer}/") for place in places):
            yield problem
