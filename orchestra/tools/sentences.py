"""The sentence that a reviewer reads: the tool's own words with the arguments in them, nothing of the agent's prose.

Every value shows what it is: quoted unless it is a plain word, unseen characters by their code points, long ones cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.tools import redaction, templates
from orchestra.tools.declarations import Declaration
from orchestra.tools.templates import Gap
from orchestra.unseen import visible as visible

LONGEST: Final = 200
MOST_ITEMS: Final = 10
ABSENT: Final = "(not given)"
EMPTY: Final = "(empty)"

_PLAIN: Final = re.compile(r"[A-Za-z0-9#@._+-]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a sentence: the tool's own words, or the value of an argument as it is shown."""

    text: str
    argument: str = ""


def sentence(declaration: Declaration, arguments: Json, hidden: Iterable[str] = ()) -> str:
    """What the call does, in one line. Filled only from the arguments; `hidden`: what rules keep from people too."""
    return "".join(segment.text for segment in segments(declaration, arguments, hidden))


def segments(declaration: Declaration, arguments: Json, hidden: Iterable[str] = ()) -> list[Segment]:
    """The same in parts, so that a page can tell values from the tool's own words."""
    paths = [*declaration.redact, *hidden]
    shown = redaction.masked({templates.ARGUMENTS: arguments}, paths)[templates.ARGUMENTS]
    if not declaration.sentence:
        return [Segment(f"{declaration.name} "), Segment(value(shown), templates.ARGUMENTS)]
    return list(_segments(declaration.sentence, shown))


def _segments(text: str, arguments: Json) -> Iterator[Segment]:
    for piece in templates.pieces(text):
        if isinstance(piece, Gap):
            there = templates.present(arguments, piece.path)
            yield Segment(value(templates.find(arguments, piece.path)) if there else ABSENT, piece.name)
        else:
            yield Segment(piece)


def value(found: Any) -> str:
    """A value as it stands in a sentence: `#W1`, `“no longer needed”`, `1, 2 and 3 more`."""
    if isinstance(found, str):
        return _text(found)
    if isinstance(found, list) and not any(isinstance(item, list | dict) for item in found):
        shown = ", ".join(value(item) for item in found[:MOST_ITEMS])
        return f"{shown} and {len(found) - MOST_ITEMS} more" if len(found) > MOST_ITEMS else shown or EMPTY
    return _cut(visible(canonical.encode(found).decode()))


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return _cut(text)
    return f"“{_cut(visible(text))}”" if text else EMPTY


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"
