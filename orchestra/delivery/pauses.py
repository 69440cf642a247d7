"""How long to wait before a delivery is tried again, and when to give up. Pure: the random number is passed in.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
"""

from __future__ import annotations

from typing import Final

#: Seconds. With these figures a receiver that is away is tried for about three days.
FIRST: Final = 10.0
FACTOR: Final = 4.0
LONGEST: Final = 12 * 3600.0
MOST_ATTEMPTS: Final = 19


def longest(attempt: int, *, first: float = FIRST) -> float:
    """The most seconds to wait after attempt number `attempt` (from 1)."""
    return float(min(LONGEST, first * FACTOR ** min(attempt - 1, 32)))


def after(attempt: int, chance: float, *, asked: float = 0.0, first: float = FIRST) -> float | None:
    """Seconds to wait after a failed attempt; None when it was the last one.

    `chance` is in [0, 1). A receiver that asked for time (`asked`, seconds) gets it, up to an hour.
    """
    if attempt >= MOST_ATTEMPTS:
        return None
    return max(chance * longest(attempt, first=first), min(asked, 3600.0))
