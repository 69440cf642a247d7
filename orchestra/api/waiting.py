"""Long polling: an answer that waits a while for something to happen. A request that waits holds no connection.

Only so many wait at once in a process, so that the others always find a thread; one too many is answered at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from django.db import connection
from ninja import Query

T = TypeVar("T")
LONGEST: Final = 30
#: Seconds between two looks.
FIRST, SLOWEST = 0.05, 0.5
MOST_WAITING: Final = 32

Wait = Annotated[
    int,
    Query(ge=0, le=LONGEST, description="Wait so many seconds at most; the answer is then as it is."),
]
_places = threading.BoundedSemaphore(MOST_WAITING)


def until(look: Callable[[], T], over: Callable[[T], bool], *, seconds: int) -> T:
    """What `look` finds once that is over, or as it is when the time is."""
    found = look()
    if not seconds or over(found) or not _places.acquire(blocking=False):
        return found
    try:
        return _later(look, over, found, time.monotonic() + seconds)
    finally:
        _places.release()


def _later(look: Callable[[], T], over: Callable[[T], bool], found: T, end: float) -> T:
    pause = FIRST
    while not over(found) and (left := end - time.monotonic()) > 0:
        connection.close()
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, SLOWEST)
        found = look()
    return found
