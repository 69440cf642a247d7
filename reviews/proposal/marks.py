"""Text of others in pieces that a page can show: what one cannot see has a name, what is changed is marked. Pure.

Refuses to make markup: templates escape every piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from orchestra.tools.sentences import visible

#: Lines with more words than this are marked as a whole.
MOST_WORDS: Final = 400

_CODE: Final = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_KINDS: Final = {"Cc": "control character", "Co": "character of private use", "Cs": "half a character"}
#: Quotes are told apart from ours in sentences only; in a box of its own a text keeps them.
_KEPT: Final = frozenset("“”")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text. `mark` names a character that one cannot see; `changed` is what differs."""

    text: str
    mark: str = ""
    changed: bool = False


def pieces(text: str, *, changed: bool = False, lines: bool = False) -> tuple[Piece, ...]:
    """The text in pieces; with `lines` its line ends stay what they are."""
    return tuple(_pieces(text, changed, _KEPT | {"\n"} if lines else _KEPT))


def _pieces(text: str, changed: bool, kept: frozenset[str] = _KEPT) -> Iterator[Piece]:
    plain = ""
    for place, part in enumerate(_CODE.split(visible(text))):
        char = chr(int(part, 16)) if place % 2 else ""
        if not char or char in kept:
            plain += char or part
            continue
        if plain:
            yield Piece(plain, "", changed)
        yield Piece(f"⟨U+{part}⟩", named(char), changed)
        plain = ""
    if plain:
        yield Piece(plain, "", changed)


def named(char: str) -> str:
    """What a character is called, in small letters."""
    kind = _KINDS.get(unicodedata.category(char), "character that nobody has defined")
    return unicodedata.name(char, kind).lower()


def words(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Two lines, with the words marked in which they differ."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return pieces(before, changed=True), pieces(after, changed=True)
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    first = ((step != "equal", old[a:b]) for step, a, b, _, _ in steps)
    second = ((step != "equal", new[c:d]) for step, _, _, c, d in steps)
    return _joined(first), _joined(second)


def _joined(parts: Iterable[tuple[bool, list[str]]]) -> tuple[Piece, ...]:
    return tuple(piece for changed, part in parts for piece in _pieces("".join(part), changed))
