"""Ways to values: `{{ path }}` for a whole value of a scope, resolved with its type kept.
Refuses text around a lookup, and any way into an object that is not plain JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias

from orchestra.canonical import Json
from orchestra.errors import Invalid

#: A way to a value: names, indexes, and None for "each element".
Path: TypeAlias = tuple[str | int | None, ...]

DEPTH: Final = 64


class ExpressionError(Invalid):
    """An expression or lookup that does not compile or give a value; place inside its own text, from 1."""

    code = "invalid-expression"
    line: int | None = None
    column: int | None = None


def fail(text: str, message: str, at: int | None = None) -> NoReturn:
    """Raise ExpressionError about this text; `at` counts its characters from 0."""
    shown = text if len(text) <= 80 else text[:79] + "…"
    if at is None:
        raise ExpressionError.at("", f"`{shown}`: {message}")
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    place = f"line {line}, column {column}" if "\n" in text else f"column {column}"
    error = ExpressionError.at("", f"`{shown}`: {message} ({place})")
    error.line, error.column = line, column
    raise error


@dataclass(frozen=True, slots=True)
class Lookup:
    """The way that a `{{ path }}` names."""

    parts: tuple[str | int, ...]

    @property
    def path(self) -> str:
        """In one form however it was written: `steps.find.rows[0]["unit price"]`."""
        return written(self.parts)

    def find(self, scope: Mapping[str, Json]) -> Json:
        """The value itself, not a copy; ExpressionError says where the way ends and what there is instead."""
        value: Any = scope
        for part in self.parts:
            if not has(value, part):
                fail(f"{{{{ {self.path} }}}}", gone(scope, self.parts) or "leads nowhere")
            value = value[part]
        found: Json = value
        return found


def has(value: object, part: str | int) -> bool:
    """Whether a plain object has this key or a plain list this index; nothing else has parts."""
    if isinstance(part, int):
        return isinstance(value, list) and part < len(value)
    return isinstance(value, Mapping) and part in value


def found(values: Mapping[str, Json], path: Path) -> list[Any]:
    """All values that a path leads to; several only through "each element"."""
    current: list[Any] = [values]
    for part in path:
        if part is None:
            current = [item for value in current if isinstance(value, list | dict) for item in value]
        else:
            current = [value[part] for value in current if has(value, part)]
    return current


def weight(values: list[Any]) -> int:
    """How many values the largest of these holds, itself included; a long string counts as several."""
    return max((_weight(value) for value in values), default=0)


def _weight(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        count += 1
        if isinstance(item, str):
            count += len(item) // 64
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return count


def gone(values: Mapping[str, Json], parts: tuple[str | int, ...]) -> str | None:
    """Where a way ends too early and what is there instead; None if it leads to a value."""
    value: Any = values
    for number, part in enumerate(parts):
        if not has(value, part):
            missing = f"`{written(parts[: number + 1])}` is missing"
            return f"{missing}; {_whole(parts[:number])} {_offers(value)}"
        value = value[part]
    return None


def _whole(parts: tuple[str | int, ...]) -> str:
    return f"`{written(parts)}`" if parts else "the scope"


def _offers(value: object) -> str:
    if isinstance(value, Mapping):
        return f"has {listed(map(str, value))}"
    return (
        f"has {len(value)} elements" if isinstance(value, list) else f"is {kind(value)}, which has no parts"
    )


def listed(names: Iterable[str]) -> str:
    """Some names for a message."""
    some = [name if len(name) <= 40 else name[:39] + "…" for name in sorted(names)]
    return (
        ", ".join(some[:12]) + (f" and {len(some) - 12} more" if len(some) > 12 else "")
        if some
        else "nothing"
    )


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    words: dict[type, str] = {bool: "true or false", str: "a string", dict: "an object", list: "a list"}
    return words.get(
        type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}"
    )


def written(parts: Iterable[str | int | None]) -> str:
    """A path as one writes it."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += f".{part}" if _NAME.fullmatch(part) else f'["{part}"]'
        else:
            text += "[]" if part is None else f"[{part}]"
    return text.removeprefix(".")


_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOOKUP: Final = re.compile(r"\s*\{\{((?:(?!\}\}|\{\{)[\s\S])*)\}\}\s*")
_PART: Final = re.compile(
    r"""\.?(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<index>[0-9]{1,9})\]|\[(?P<key>"[^"\\]*"|'[^'\\]*')\]"""
)


@lru_cache(maxsize=4096)
def lookup(text: str) -> Lookup | None:
    """The lookup that this string is; None for a string without `{{`; ExpressionError for anything between."""
    if "{{" not in text:
        return None
    match = _LOOKUP.fullmatch(text)
    if match is None:
        fail(text, "`{{ path }}` stands only as a whole value; join texts with an expression instead")
    path, at = match[1].strip(), 0
    parts: list[str | int] = []
    while at < len(path) or not parts:
        part = _PART.match(path, at)
        if part is None or (part.group().startswith(".") if at == 0 else part.group()[0] not in ".["):
            fail(
                text,
                'is no path; write names, `.`, `[0]` or `["key"]`, such as `{{ steps.find.rows[0].id }}`',
            )
        parts.append(part["name"] or (int(part["index"]) if part["index"] else part["key"][1:-1]))
        at = part.end()
    if not isinstance(parts[0], str) or path.startswith("["):
        fail(text, "a path starts with a name")
    return Lookup(tuple(parts))


def resolve(template: Json, scope: Mapping[str, Json]) -> Json:
    """The template with each lookup replaced by its value; what a lookup brings in is never read as a template."""
    return _resolved(template, scope, DEPTH)


def _resolved(template: Json, scope: Mapping[str, Json], left: int) -> Json:
    if isinstance(template, str):
        way = lookup(template)
        return template if way is None else way.find(scope)
    if isinstance(template, dict | list) and not left:
        raise Invalid.at("", f"a template is nested deeper than {DEPTH} levels")
    if isinstance(template, dict):
        return {_key(key): _resolved(below, scope, left - 1) for key, below in template.items()}
    if isinstance(template, list):
        return [_resolved(below, scope, left - 1) for below in template]
    return template


def _key(key: str) -> str:
    if "{{" in key:
        fail(key, "`{{ path }}` stands only as a value, not as a key")
    return key


def lookups(template: Json) -> frozenset[Lookup]:
    """Every lookup of a template; ExpressionError for a malformed one."""
    ways: set[Lookup] = set()
    waiting: list[Json] = [template]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*map(_key, item), *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and (way := lookup(item)) is not None:
            ways.add(way)
    return frozenset(ways)


def names(template: Json) -> frozenset[str]:
    """The dotted paths that a template looks up, for checks before it is published."""
    return frozenset(way.path for way in lookups(template))
