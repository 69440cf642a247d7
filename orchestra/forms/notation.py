"""How a value is written in the inputs of a form, and what a typed text means. Strict: it guesses nothing.

Raises Invalid, with the pointer inside of the part alone. Checks no schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.errors import Invalid
from orchestra.forms.shapes import ABSENT, Kind, Shape, Value, same
from orchestra.unseen import visible

_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_NO_SECONDS: Final = re.compile(r"(T[0-9]{2}:[0-9]{2}):00(?:\.0+)?$")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def texts(shape: Shape, value: Value) -> tuple[str, ...]:
    """What a browser sends for a value that nobody touched, line ends as one character; empty where it is blank."""
    if value is ABSENT:
        return ()
    if shape.kind is Kind.CHOICE:
        return tuple(token(option) for option, _ in shape.options if same(option, value))
    if value is None and shape.nullable:
        return ()
    if shape.kind is Kind.CHOICES and isinstance(value, list):
        return tuple(token(item) for item in value)
    return tuple(text for text in (plain(_written(shape, value)),) if text)


def _written(shape: Shape, value: Json) -> str:
    if shape.kind is Kind.JSON:
        return "".join(map(_seen, json.dumps(value, indent=2, ensure_ascii=False)))
    if shape.kind is Kind.LINES and isinstance(value, list):
        return "\n".join(_scalar(shape.item, item) for item in value)
    return _scalar(shape.kind, value)


def _seen(char: str) -> str:
    """A character of JSON; one that nobody can see by its escape, which means the same."""
    return json.dumps(char)[1:-1] if char != "\n" and char not in "“”⟨⟩" and visible(char) != char else char


def _scalar(kind: Kind, value: Json) -> str:
    if not isinstance(value, str):
        return canonical.encode(value).decode()
    return _moment(value) if kind is Kind.MOMENT else value


def token(value: Json) -> str:
    """How the value of a choice stands in the form: a text as it is, all else (and what looks like it) as JSON."""
    if isinstance(value, str) and value and not _is_json(value):
        return value
    return canonical.encode(value).decode()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def sent(shape: Shape, text: str) -> str:
    """A text that came back, as `texts` writes it."""
    return _short(plain(text)) if shape.kind is Kind.MOMENT else plain(text)


def plain(text: str) -> str:
    """Every end of a line as one character: browsers send two."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(shape: Shape, given: Sequence[str]) -> Json:
    """The value of texts that are not blank."""
    if shape.kind is Kind.CHOICES:
        return [_chosen(shape, text) for text in given]
    if shape.kind is Kind.LINES:
        return _lines(shape.item, given)
    if shape.kind is Kind.CHOICE:
        return _chosen(shape, given[-1])
    return PARSERS[shape.kind](given[-1])


def _chosen(shape: Shape, text: str) -> Json:
    for value, _ in shape.options:
        if token(value) == text:
            return value
    raise Invalid.at("", "This is none of what can be chosen.")


def _lines(item: Kind, given: Sequence[str]) -> Json:
    """One value a line; inputs of the same name count as lines too. Empty lines are left out."""
    found: list[Json] = []
    for line in "\n".join(given).split("\n"):
        if line.strip():
            try:
                found.append(PARSERS[item](line.strip()))
            except Invalid as error:
                raise Invalid.at(f"/{len(found)}", f"{error.problems[0].message}") from None
    return found


def _whole(text: str) -> Json:
    if not _WHOLE.fullmatch(text.strip()):
        raise Invalid.at("", "Write a whole number in digits, such as 12.")
    return canonical.parse(text.strip())


def _decimal(text: str) -> Json:
    if not _DECIMAL.fullmatch(text.strip()):
        raise Invalid.at("", "Write a number in digits with a point, such as 12.5.")
    return canonical.parse(text.strip())


def _moment(text: str) -> str:
    """A moment as the input of browsers takes it, in UTC; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
        return _short(moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds"))
    except (ValueError, OverflowError):
        return text


def _short(text: str) -> str:
    """A time without seconds that say nothing: browsers leave them out."""
    return _NO_SECONDS.sub(r"\1", text)


def _instant(text: str) -> Json:
    """With its zone, and without one in UTC; what is none stays as it is, for the schema to refuse."""
    try:
        moment = datetime.fromisoformat(text.strip())
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    except (ValueError, OverflowError):
        return text


PARSERS: Final[Mapping[Kind, Callable[[str], Json]]] = {
    Kind.TEXT: str.strip,
    Kind.LONG: plain,
    Kind.DATE: str.strip,
    Kind.MOMENT: _instant,
    Kind.INTEGER: _whole,
    Kind.NUMBER: _decimal,
    Kind.JSON: canonical.parse,
}
