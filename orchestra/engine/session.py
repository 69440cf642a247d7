"""A worker's own database session: it holds an advisory lock for as long as the process lives.

When the process dies PostgreSQL lets go of the lock, and other workers may take its runs at once.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from orchestra import logs

#: First key of every worker's advisory lock, so that it meets no other use of such locks.
LOCK_CLASS = 7_011

REGISTER = """
INSERT INTO orchestra_workerprocess
  (uid, name, host, pid, slots, seen_at, claims_by_hint, claims_by_poll, fences_lost, hints_lost)
VALUES (gen_random_uuid(), %s, %s, %s, %s, clock_timestamp(), 0, 0, 0, 0) RETURNING id
"""
BEAT = """
UPDATE orchestra_workerprocess SET seen_at = clock_timestamp(), stopped_at = NULL, claims_by_hint = %s,
  claims_by_poll = %s, fences_lost = %s, hints_lost = %s WHERE id = %s
"""
# With runs left it has not stopped in order: others find it dead, and take them.
STOPPED = """
UPDATE orchestra_workerprocess w SET stopped_at = clock_timestamp() WHERE id = %s
  AND NOT EXISTS (SELECT 1 FROM orchestra_run r WHERE r.worker_id = w.id AND r.state = 'running')
"""


@dataclass(slots=True)
class Counts:
    """What a worker has counted since it started."""

    claims_by_hint: int = 0
    claims_by_poll: int = 0
    fences_lost: int = 0
    hints_lost: int = 0


class Session:
    """The direct connection (never through a pooler) of one worker process."""

    def __init__(self, name: str, slots: int) -> None:
        self.name = name
        self.counts = Counts()
        self._connection = _connect()
        found = self._connection.execute(
            REGISTER, [name, socket.gethostname()[:200], os.getpid(), slots]
        ).fetchone()
        self.worker_id: int = found[0] if found else 0
        self._locked = self._lock()

    def beat(self) -> None:
        """Say that the worker lives, and write its counts. Connects again when the session was lost."""
        if self._connection.closed or self._connection.broken:
            self._connection = _connect()
            self._locked = False
            logs.event("worker.reconnected", worker=self.worker_id)
        self._locked = self._locked or self._lock()
        counts = self.counts
        numbers = [counts.claims_by_hint, counts.claims_by_poll, counts.fences_lost, counts.hints_lost]
        self._connection.execute(BEAT, [*numbers, self.worker_id])

    def close(self) -> None:
        """Leave in order: the lock goes with the session."""
        try:
            self.beat()
            self._connection.execute(STOPPED, [self.worker_id])
            self._connection.close()
        except psycopg.Error as error:
            logs.event("worker.session_lost", level=logs.WARNING, error=error, worker=self.worker_id)

    def _lock(self) -> bool:
        """Without waiting: the server may believe in our last session for long, and that one has the lock."""
        query = "SELECT pg_try_advisory_lock(%s, %s)"
        found = self._connection.execute(query, [LOCK_CLASS, self.worker_id]).fetchone()
        return bool(found and found[0])


def _connect() -> psycopg.Connection[Any]:
    given = {
        key: value for key, value in connections["direct"].get_connection_params().items() if key in ALLOWED
    }
    beat = max(1, int(settings.HEARTBEAT * 3))
    return psycopg.connect(
        **given, autocommit=True, keepalives_idle=beat, keepalives_interval=beat, keepalives_count=2
    )


ALLOWED = {
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "connect_timeout",
    "sslmode",
    "application_name",
    "options",
}
