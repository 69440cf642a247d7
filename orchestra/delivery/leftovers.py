"""Takes away what has served its time: keys, windows of counting, ended deliveries, read notices, and messages told.

A thousand rows at a time, so that nothing waits for it. Refuses what is history: runs, decisions and the record stay.
"""

from __future__ import annotations

import time
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from orchestra import logs
from orchestra.engine.connections import borrow

AT_ONCE: Final = 1_000
#: Seconds between two looks.
PAUSE: Final = 3_600.0

OLD: Final = "clock_timestamp() - %(days)s * interval '1 day'"
UNNAMED: Final = """
AND NOT EXISTS (SELECT FROM orchestra_webhookdelivery d WHERE d.message_id = found.id)
AND NOT EXISTS (SELECT FROM orchestra_notice n WHERE n.message_id = found.id)
"""
#: What may go, by its table; a message goes last, when nothing that is left names it.
WHAT: Final = {
    "orchestra_idempotencykey": "expires_at <= clock_timestamp()",
    "orchestra_ratewindow": "since < clock_timestamp() - interval '1 day'",
    "orchestra_webhookdelivery": f"coalesce(delivered_at, given_up_at) < {OLD}",
    "orchestra_notice": f"read_at < {OLD}",
    "orchestra_outboxmessage": f"coalesce(delivered_at, given_up_at) < {OLD} {UNNAMED}",
}
STATEMENT: Final = """
DELETE FROM {table} WHERE id IN (
  SELECT id FROM {table} found WHERE {what} ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""


class Leftovers:
    """Looks every hour, and until then as often as there was more than it took at once."""

    def __init__(self) -> None:
        self._due = time.monotonic()

    def clear(self) -> None:
        """Take some away, if it is time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + PAUSE  # also where it fails: the next look is as good
        if clear():
            self._due = time.monotonic()


def clear() -> bool:
    """Take away the oldest of each kind; whether there may be more."""
    with borrow(), connection.cursor() as cursor:
        gone = [_clear(cursor, table, what) for table, what in WHAT.items()]
    if any(gone):
        logs.event("leftovers.cleared", count=sum(gone))
    return max(gone) >= AT_ONCE


def _clear(cursor: CursorWrapper, table: str, what: str) -> int:
    cursor.execute(
        STATEMENT.format(table=table, what=what), {"days": settings.KEEP_MESSAGES, "most": AT_ONCE}
    )
    return int(cursor.rowcount)
