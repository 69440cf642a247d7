"""JSON Schema (draft 2020-12), compiled once, with every problem and its place.
Refuses schemas that point outside of themselves; never opens a connection or a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NoReturn

import jsonschema_rs

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Invalid, Problem

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
MOST_PROBLEMS: Final = 20
_LONGEST_MESSAGE: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A compiled schema; may be shared by threads. Made by `compile`. `digest`: SHA-256 of its canonical bytes."""

    digest: bytes
    _validator: jsonschema_rs.Draft202012Validator

    def problems(self, value: object) -> list[Problem]:
        """What is wrong with a JSON value, at most 20 things; empty if nothing. Values are not quoted."""
        if canonical.bottomless(value):  # the library would take the whole process down
            return [Problem("", "nested too deep, or too large")]
        try:
            if self._validator.is_valid(value):
                return []
            return [_problem(error) for error in islice(self._validator.iter_errors(value), MOST_PROBLEMS)]
        except ValueError as error:  # an object that is no JSON at all
            return [Problem("", _short(str(error)))]

    def check(self, value: object) -> None:
        """Raise Invalid with all problems, if there are any."""
        if problems := self.problems(value):
            raise Invalid.of(problems)


def compile(schema: Mapping[str, Json]) -> Schema:  # noqa: A001  reads as schemas.compile
    """Compile a schema; cached by its canonical form. Invalid with the pointer into the schema if it is a bad one.

    Formats are checked; patterns are of the linear kind (no look-around, no back-references).
    """
    return _compiled(canonical.encode(canonical.check(dict(schema))))


@lru_cache(maxsize=1024)
def _compiled(body: bytes) -> Schema:
    schema: dict[str, Any] = json.loads(body)
    if str(schema.get("$schema", DRAFT)).rstrip("#") != DRAFT:
        raise Invalid.at("/$schema", f"only draft 2020-12 is understood: {DRAFT}")
    try:
        _validator(schema, mask=None)  # the schema's own values may be quoted, those it will be given may not
        return Schema(sha256(body).digest(), _validator(schema, mask="the value"))
    except jsonschema_rs.ValidationError as error:
        _bad_schema(schema, error)
    except ValueError as error:
        raise Invalid.at("", f"is no schema: {_short(str(error))}") from None


def _validator(schema: dict[str, Any], *, mask: str | None) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        retriever=_refuse,
        pattern_options=jsonschema_rs.RegexOptions(),
        mask=mask,
    )


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside of the schema")


def _problem(error: jsonschema_rs.ValidationError) -> Problem:
    return Problem(canonical.pointer(error.instance_path), _short(error.message))


def _short(message: str) -> str:
    """Safe to store and to show: property names of an agent may hold anything."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message[:_LONGEST_MESSAGE])
    return shown if len(message) <= _LONGEST_MESSAGE else shown + "…"


def _bad_schema(schema: dict[str, Any], error: jsonschema_rs.ValidationError) -> NoReturn:
    """The library does not say where a reference stands that leads nowhere; look for it."""
    named = re.match(r"(?:Resource|Pointer|Anchor) '([^']*)'", error.message)
    if named is None:
        raise Invalid.of([_problem(error)])
    for path, reference in _references(schema):
        document, _, place = reference.partition("#")
        if named[1].endswith(document or place):
            message = f"refers to `{_short(reference)}`, which is not in this schema; put it under $defs"
            raise Invalid.at(canonical.pointer(path), message)
    raise Invalid.at("", _short(error.message))


def _references(schema: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while waiting:
        path, item = waiting.pop()
        inside = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        for key, below in inside:
            if key in ("$ref", "$dynamicRef") and isinstance(below, str):
                found.append(((*path, key), below))
            waiting.append(((*path, key), below))
    return sorted(found, key=lambda entry: len(entry[0]))
