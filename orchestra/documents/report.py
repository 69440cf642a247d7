"""Everything found wrong in one document, and departures from a JSON Schema in words a person can act on.

Refuses to judge meaning: that is the affair of each kind of document.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs

from orchestra.documents.envelopes import Envelope
from orchestra.documents.yamldoc import shown
from orchestra.errors import Problem

Place = tuple[str | int, ...]
Said = Iterator[tuple[str] | tuple[str, str]]


@dataclass
class Report:
    """Everything found wrong in one document so far."""

    envelope: Envelope
    problems: list[Problem] = field(default_factory=list)
    _touched: set[Place] = field(default_factory=set)

    def add(self, message: str, *place: str | int, down: int = 0) -> None:
        """Note a problem at a place such as `("spec", "steps", "a", "if")`, or some lines further down in its text."""
        found = self.envelope.problem(message, *place)
        line = None if found.line is None else found.line + down
        self.problems.append(Problem(found.pointer, found.message, line))
        self._touched.update(place[:length] for length in range(len(place) + 1))

    def wrong(self, *place: str | int) -> bool:
        """Whether anything at this place or inside of it is wrong."""
        return place in self._touched


class Shape:
    """A schema of a kind of document, which documents are held against.

    `hints` maps patterns of the schema to the rule in words; a schema of property names says in its
    `description` what they name.
    """

    def __init__(self, schema: Mapping[str, Any], *, hints: Mapping[str, str]) -> None:
        self.schema = schema
        self.hints = hints
        self._validator = jsonschema_rs.Draft202012Validator(dict(schema))

    def check(self, report: Report) -> None:
        """Add every departure from the schema to the report."""
        for error in self._validator.iter_errors(report.envelope.document):
            place: Place = tuple(error.instance_path)
            rule = self._rule(error.schema_path[:-1])
            say = _SAY.get(error.kind.name, _say_rest)
            for message, *below in say(error, rule):
                report.add(message, *place, *below)

    def _rule(self, path: list[str | int]) -> Any:
        found: Any = self.schema
        for part in path:
            found = found[part]
        hint = self.hints.get(found.get("pattern", "")) if isinstance(found, dict) else None
        return {**found, "hint": hint} if hint else found


def near(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing."""
    found = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def listed(names: Iterable[str], *, most: int = 20) -> str:
    """`a, b, c`, cut when there are many."""
    found = list(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "") or "none"


def _about(rule: Any) -> str:
    text = rule.get("description", "") if isinstance(rule, Mapping) else ""
    return f": {text}" if text else ""


def _say_required(error: Any, rule: Any) -> Said:
    name = error.kind.property
    yield (f"{name} is missing{_about(rule.get('properties', {}).get(name))}",)


def _say_unknown(error: Any, rule: Any) -> Said:
    allowed = list(rule["properties"])
    for name in error.kind.unexpected:
        yield (
            f"{shown(name)} is not known here{near(name, allowed)}; allowed: {listed(allowed, most=30)}",
            name,
        )


def _say_enum(error: Any, rule: Any) -> Said:
    options = [str(option) for option in rule["enum"]]
    hint = near(error.instance, options) if isinstance(error.instance, str) else ""
    yield (f"{shown(error.instance)} is not one of {listed(options)}{hint}",)


def _say_type(error: Any, rule: Any) -> Said:
    wanted = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    words = " or ".join(_TYPES[name] for name in wanted)
    yield (f"{shown(error.instance)} should be {words}{_about(rule)}",)


def _say_range(error: Any, rule: Any) -> Said:
    bounds = f"{rule.get('minimum', '')}..{rule.get('maximum', '')}"
    yield (f"{shown(error.instance)} is out of range; allowed is {bounds}",)


def _say_names(error: Any, rule: Any) -> Said:
    """The library names one key for each error, or all of them."""
    what = rule.get("description", "a name")
    said = f"; {rule['hint']}" if "hint" in rule else ""
    for name in error.instance if isinstance(error.instance, dict) else [error.instance]:
        if not re.search(rule["pattern"], name):
            yield f"{shown(name)} cannot be {what}{said}", name


def _say_described(error: Any, rule: Any) -> Said:
    hint = f" ({rule['hint']})" if "hint" in rule else ""
    yield (f"{shown(error.instance)} is not allowed here{hint}{_about(rule)}",)


def _say_size(error: Any, rule: Any) -> Said:
    yield (f"{_SIZES[error.kind.name].format(rule[error.kind.name])}{_about(rule)}",)


def _say_rest(error: Any, rule: Any) -> Said:
    yield (f"{error.message[:300]}{_about(rule)}",)


_TYPES: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_SIZES: Final = {
    "minItems": "this list needs at least {} entry",
    "maxItems": "this list has more than {} entries",
    "uniqueItems": "this list has an entry twice",
    "minProperties": "at least {} entry is needed here",
    "maxProperties": "more than {} entries are too many here",
    "minLength": "this text is empty",
    "maxLength": "this text is longer than {} characters",
}
_SAY: Final[Mapping[str, Callable[[Any, Any], Said]]] = {
    "required": _say_required,
    "additionalProperties": _say_unknown,
    "enum": _say_enum,
    "type": _say_type,
    "minimum": _say_range,
    "maximum": _say_range,
    "propertyNames": _say_names,
    "pattern": _say_described,
    "anyOf": _say_described,
    "const": _say_described,
    **dict.fromkeys(_SIZES, _say_size),
}
