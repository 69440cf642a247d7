"""Borrowed database connections: held for a block, then given back to the pool.

Work of steps happens outside any such block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction


@contextmanager
def borrow() -> Iterator[None]:
    """A transaction on a borrowed connection. Nested blocks use the same connection."""
    nested = connection.in_atomic_block
    try:
        with transaction.atomic():
            yield
    finally:
        if not nested:
            connection.close()


def now() -> datetime:
    """The database's clock, the only one that decides."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
