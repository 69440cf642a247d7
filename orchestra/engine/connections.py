"""Borrowed database connections: held for a block, then given back to the pool.

Work of steps happens outside any such block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

#: Seconds; a busy machine may take so long between two statements.
SHORTEST_SILENCE = 5.0
# For this transaction alone, so that a pooler may stand between.
LIMITS = (
    "SELECT set_config('idle_in_transaction_session_timeout', %s, true), set_config('lock_timeout', %s, true)"
)
#: Seconds that we wait for somebody else's lock, such as one forgotten in a console.
LONGEST_WAIT = 15.0


@contextmanager
def borrow() -> Iterator[None]:
    """A transaction on a borrowed connection. Nested blocks use the same connection.

    The server ends it when we fall silent inside: the locks of a host that is gone must not outlive its leases.
    """
    nested = connection.in_atomic_block
    try:
        with transaction.atomic():
            if not nested:
                _set_limits()
            yield
    finally:
        if not nested:
            connection.close()


def _set_limits() -> None:
    seconds = max(SHORTEST_SILENCE, settings.LEASE / 2)
    with connection.cursor() as cursor:
        cursor.execute(LIMITS, [f"{seconds * 1000:.0f}", f"{LONGEST_WAIT * 1000:.0f}"])


def now() -> datetime:
    """The database's clock, the only one that decides."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
