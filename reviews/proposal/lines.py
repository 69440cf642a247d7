"""Two texts line by line, in pairs that stand side by side: what went, what came, what stays. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

from reviews.proposal import marks
from reviews.proposal.marks import Piece

#: A text of one line up to here is shown as a value.
SHORT: Final = 80
#: Lines around a change that are shown with it.
AROUND: Final = 2
#: Above this number of lines, lines that are frequent are not searched for a partner.
MANY_LINES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Side:
    """One line of one side. `sign` stands in the gutter: + came, - went, nothing stays."""

    sign: str
    pieces: Sequence[Piece]

    @property
    def length(self) -> int:
        """How many characters of the page it takes."""
        return sum(len(piece.text) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of lines; a side that is missing is None. `folded`: so many equal lines that are not shown here."""

    before: Side | None = None
    after: Side | None = None
    folded: int = 0

    @property
    def same(self) -> bool:
        """Whether the line stays as it is, so that it is shown once."""
        return self.before is not None and self.after is None and not self.before.sign


def rows(before: str | None, after: str | None, *, most: int) -> tuple[list[Row], int]:
    """The pairs of two texts (None: there is none), and how many characters are left out."""
    made: list[Row] = []
    room, more = most, 0
    for row in _rows(_lines(before), _lines(after)):
        long = max(side.length for side in (row.before, row.after) if side) if not row.folded else 0
        if long <= room:
            made.append(row)
        else:
            made.append(Row(_cut(row.before, room), _cut(row.after, room)) if room else Row(folded=0))
            more += long - room
        room = max(0, room - long)
    return [row for row in made if row.before or row.after or row.folded], more


def _lines(text: str | None) -> list[str]:
    return [] if text is None else text.split("\n")


def _cut(side: Side | None, room: int) -> Side | None:
    """As much of a line as there is room for; never half of a mark."""
    if side is None:
        return None
    kept: list[Piece] = []
    for piece in side.pieces:
        if len(piece.text) <= room:
            kept.append(piece)
            room -= len(piece.text)
            continue
        if not piece.mark and room:
            kept.append(Piece(piece.text[:room], "", piece.changed))
        break
    return Side(side.sign, tuple(kept))


def _rows(old: list[str], new: list[str]) -> Iterator[Row]:
    if not old or not new:
        yield from (Row(Side("-", marks.pieces(line)), None) for line in old)
        yield from (Row(None, Side("+", marks.pieces(line))) for line in new)
        return
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > MANY_LINES)
    steps = matcher.get_opcodes()
    for step, a, b, c, d in steps:
        if step == "equal":
            yield from _equal(old[a:b], first=a == 0, last=b == len(old), alone=len(steps) == 1)
        else:
            yield from _pairs(old[a:b], new[c:d])


def _equal(same: Sequence[str], *, first: bool, last: bool, alone: bool) -> Iterator[Row]:
    """Lines that stay: those next to a change, and a word on the others."""
    head, tail = (0 if first else AROUND), (0 if last else AROUND)
    hidden = 0 if alone else len(same) - head - tail
    if hidden <= 1:
        yield from (Row(Side("", marks.pieces(line)), None) for line in same)
        return
    yield from (Row(Side("", marks.pieces(line)), None) for line in same[:head])
    yield Row(folded=hidden)
    yield from (Row(Side("", marks.pieces(line)), None) for line in same[len(same) - tail :])


def _pairs(went: Sequence[str], came: Sequence[str]) -> Iterator[Row]:
    for old, new in zip_longest(went, came):
        if old is None:
            yield Row(None, Side("+", marks.pieces(new)))
        elif new is None:
            yield Row(Side("-", marks.pieces(old)), None)
        else:
            first, second = marks.words(old, new)
            yield Row(Side("-", first), Side("+", second))
