"""The one door for files people write: YAML documents of `kind`, `name`, `spec`, with the line of every value.

Refuses what two readers could read differently: repeated keys, tags, merge keys, numbers outside of JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.documents import yamldoc
from orchestra.errors import Invalid, Problem

LIMITS: Final = canonical.Limits(size=2 * 1024 * 1024, depth=yamldoc.DEPTH, nodes=yamldoc.NODES)
MOST: Final = 100
_KEYS: Final = ("kind", "name", "spec")
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One document. `lines` maps JSON pointers of the whole document (`/spec/steps/a`) to lines of the file."""

    kind: str
    name: str
    spec: Json
    line: int
    lines: Mapping[str, int]

    @property
    def document(self) -> dict[str, Json]:
        """The document as it was written, as plain data."""
        return {"kind": self.kind, "name": self.name, "spec": self.spec}

    def line_of(self, *parts: str | int) -> int:
        """The line of a value, or of the nearest value around it that the file has."""
        left = list(parts)
        while left:
            if (found := self.lines.get(canonical.pointer(left))) is not None:
                return found
            left.pop()
        return self.line

    def problem(self, message: str, *parts: str | int) -> Problem:
        """A problem at a place of this document, with its line."""
        return Problem(canonical.pointer(parts), message, self.line_of(*parts))


def envelopes(text: str) -> list[Envelope]:
    """Every document of a file. Raises Invalid with all problems; the contents of `spec` are its kind's affair."""
    problems: list[Problem] = []
    found = [made for read in yamldoc.read(text, problems) if (made := _envelope(read, problems))]
    if not found and not problems:
        problems.append(Problem("", "the file holds no document; it needs kind, name and spec", 1))
    if problems:
        refuse(problems)
    return found


def refuse(problems: Iterable[Problem]) -> NoReturn:
    """Raise Invalid with the problems in the order of the file; past the first hundred only their number is told."""
    found = sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)
    if len(found) > MOST:
        rest = Problem("", f"{len(found) - MOST} more problems; mend these first")
        found = [*found[:MOST], rest]
    raise Invalid.of(found)


def _envelope(read: yamldoc.Document, problems: list[Problem]) -> Envelope | None:
    try:
        data = canonical.check(read.data, limits=LIMITS)
    except Invalid as refusal:
        problems += [
            Problem(p.pointer, p.message, read.lines.get(p.pointer, read.line)) for p in refusal.problems
        ]
        return None
    if not isinstance(data, dict):
        problems.append(Problem("", "a document is a mapping with the keys kind, name and spec", read.line))
        return None
    made = Envelope(
        kind=str(data.get("kind")),
        name=str(data.get("name")),
        spec=data.get("spec"),
        line=read.line,
        lines=read.lines,
    )
    wrong = list(_wrong(data, made))
    problems += wrong
    return None if wrong else made


def _wrong(data: Mapping[str, Any], made: Envelope) -> Iterator[Problem]:
    for key in data:
        if key not in _KEYS:
            yield made.problem(
                f"{yamldoc.shown(key)} does not belong here; a document has kind, name and spec", key
            )
    for key in _KEYS:
        if key not in data:
            yield made.problem(f"{key} is missing; a document has kind, name and spec")
    for key, pattern in (("kind", _KIND), ("name", _NAME)):
        if key in data and not (isinstance(data[key], str) and pattern.fullmatch(data[key])):
            yield made.problem(
                f"{yamldoc.shown(data[key])} cannot be a {key}; use lower-case letters, digits, _ (in names also . and -), "
                "a letter first, at most 63 in all",
                key,
            )
