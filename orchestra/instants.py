"""Moments that others send: which of them databases, calendars and zones can keep. Pure.

Refuses to mend them: what is too far away is none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

FIRST_YEAR: Final = 2000
AFTER_YEAR: Final = 3000
TOO_FAR: Final = "Give a time of this millennium."
#: When a page was opened is believed about so much, whatever clock says it.
AROUND_NOW: Final = timedelta(days=1)


def is_near(moment: datetime) -> bool:
    """Whether it is of this millennium: the ends of the calendar cannot be turned into every zone."""
    return FIRST_YEAR <= moment.year < AFTER_YEAR


def witnessed(moment: datetime | None, now: datetime) -> datetime | None:
    """A moment that somebody says they were at, where that can be: with its zone, and about now."""
    if moment is None or moment.tzinfo is None or not is_near(moment):
        return None
    return moment if abs(moment - now) <= AROUND_NOW else None
