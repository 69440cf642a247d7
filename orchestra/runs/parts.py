"""Parts of long lists: so many rows, and the key that leads on to the next ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Row = TypeVar("Row")
Other = TypeVar("Other")

#: Rows of a part that are short, and of one that are long.
SHORT: Final = 1_000
LONG: Final = 200


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Rows in their order; `after` is the key of the last one when there are more, else None."""

    rows: Sequence[Row]
    after: int | None = None

    def each(self, tell: Callable[[Row], Other]) -> Part[Other]:
        """The same part with something else said of each row."""
        return Part([tell(row) for row in self.rows], self.after)


def part(rows: Sequence[Row], most: int, key: Callable[[Row], int]) -> Part[Row]:
    """The part of rows of which one more than `most` were read."""
    return Part(rows[:most], key(rows[most - 1]) if len(rows) > most else None)
