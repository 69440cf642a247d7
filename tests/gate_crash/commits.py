"""Holds a transaction of a worker in its COMMIT, so that a test can kill the worker there and choose what is durable.

Needs no code in the product: a deferred trigger of the test's own database waits for a lock that the test holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.databases import Database
from tests.waiting import until

LOCK = 741_852
FUNCTION = sql.SQL("""
CREATE OR REPLACE FUNCTION test_waits_in_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({lock}); RETURN NULL; END $$
""").format(lock=sql.Literal(LOCK))
TRIGGER = """
CREATE CONSTRAINT TRIGGER test_waits_in_commit AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION test_waits_in_commit()
"""
HELD = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s) AND state <> 'idle'"


class Commit:
    """The COMMIT of whatever writes a row of this kind; `when` is a condition on NEW."""

    def __init__(self, session: psycopg.Connection) -> None:
        self._session = session

    def reached(self) -> bool:
        """Whether somebody waits in it."""
        return bool(self._held())

    def keep(self) -> None:
        """It commits, also when the one who asked for it is dead."""
        self._end("SELECT pg_advisory_unlock_all()")

    def lose(self) -> None:
        """It is rolled back."""
        for pid in self._held():
            self._end(f"SELECT pg_terminate_backend({pid}, 10000)")
        self.keep()

    def _held(self) -> list[int]:
        return [row[0] for row in self._session.execute(HELD, [LOCK]).fetchall()]

    def _end(self, how: str) -> None:
        held = self._held()
        self._session.execute(how.encode())
        query = ALIVE
        until(
            lambda: self._session.execute(query, [held]).fetchone() == (0,), what="the end of the transaction"
        )


@contextmanager
def held(database: Database, table: str, when: str) -> Iterator[Commit]:
    """Hold the next COMMIT that writes such a row."""
    with database.connect("owner") as owner:
        owner.execute(FUNCTION)
        made = sql.SQL(TRIGGER).format(table=sql.Identifier(table), when=sql.SQL(when))
        owner.execute(made)
    with database.connect("admin") as session:
        session.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield Commit(session)
