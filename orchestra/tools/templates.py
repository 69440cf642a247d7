"""Gaps in texts (`{order_id}`, `{address.city}`) and templates of data (`{{ args.x }}`), filled with values.

A value is never read as a template. Refuses what is missing, except an optional argument in a member of an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from orchestra import canonical, expressions, lookups
from orchestra.canonical import Json
from orchestra.errors import Invalid

_GAP: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,15})\}")
ARGUMENTS: Final = "args"


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in a text for one value."""

    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is written between the braces."""
        return ".".join(self.path)


Piece: TypeAlias = str | Gap


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[Piece, ...]:
    """The text in front of, between and behind its gaps, and the gaps. Raises Invalid for any other brace."""
    found: list[Piece] = []
    for place, part in enumerate(_GAP.split(text)):
        if place % 2:
            found.append(Gap(tuple(part.split("."))))
        elif "{" in part or "}" in part:
            raise Invalid(
                f"{part[:80]!r} holds a brace that is no gap; a gap reads {{name}} or {{name.member}}"
            )
        elif part:
            found.append(part)
    return tuple(found)


def gaps(text: str) -> list[Gap]:
    """The gaps of a text, in order."""
    return [piece for piece in pieces(text) if isinstance(piece, Gap)]


def present(value: Any, path: tuple[str, ...]) -> bool:
    """Whether the path leads to a value."""
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def find(value: Any, path: tuple[str, ...]) -> Json:
    """The value at a path. Raises Invalid when there is none."""
    if not present(value, path):
        raise Invalid.at(canonical.pointer(path), "is missing, and the tool cannot be used without it")
    for part in path:
        value = value[part]
    found: Json = value
    return found


def fill(template: Json, scope: Mapping[str, Json]) -> Json:
    """The template with its lookups replaced. Raises Invalid naming what is missing.

    A member of an object that looks up an argument which was not given is left out.
    """
    return expressions.resolve(_given(template, scope), scope)


def _given(template: Json, scope: Mapping[str, Json]) -> Json:
    if isinstance(template, list):
        return [_given(below, scope) for below in template]
    if isinstance(template, dict):
        return {key: _given(below, scope) for key, below in template.items() if not _left_out(below, scope)}
    return template


def _left_out(template: Json, scope: Mapping[str, Json]) -> bool:
    way = expressions.lookup(template) if isinstance(template, str) else None
    return way is not None and way.parts[0] == ARGUMENTS and lookups.gone(scope, way.parts) is not None
