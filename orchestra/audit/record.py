"""Reads the record from the database, in batches and as of one moment, and holds rows against their events.

Refuses to write. What the links mean is for `walk` to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from heapq import merge
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from orchestra import states
from orchestra.audit import walk
from orchestra.audit.chain import Head, Link
from orchestra.audit.faults import Fault, Finding
from orchestra.audit.walk import Count, Points

BATCH: Final = 2_000

# A time beyond all clocks, or `infinity`, is somebody's edit: no number of microseconds says it, and none fits it.
LINKS = """
SELECT chain::text, seq,
  CASE WHEN isfinite(at) AND at < '200000-01-01' THEN (extract(epoch FROM at) * 1000000)::bigint ELSE -1 END,
  transaction, kind, object_id, subject, source, target, actor, reason, data, previous, digest
FROM orchestra_auditevent {where} ORDER BY chain, seq, id
"""
HEADS = "SELECT chain::text, seq, digest FROM orchestra_audithead {where} ORDER BY chain"

# Each machine's rows with the chain that tells their lives.
ROWS = {
    "run": "SELECT id, state, uid AS chain FROM orchestra_run",
    "halt": "SELECT id, state, uid AS chain FROM orchestra_halt",
    "proposal": """SELECT t.id, t.state, r.uid AS chain FROM orchestra_proposal t
        JOIN orchestra_toolcall c ON c.id = t.toolcall_id JOIN orchestra_run r ON r.id = c.run_id""",
    **{
        kind: f"SELECT t.id, t.state, r.uid AS chain FROM orchestra_{kind} t JOIN orchestra_run r ON r.id = t.run_id"  # noqa: S608
        for kind in ("step", "toolcall", "humantask")
    },
}
# A row is where its last event says, in its own chain.
BEHIND = """
SELECT t.chain::text, t.id, t.state, e.target FROM ({rows}) t
LEFT JOIN LATERAL (
  SELECT target FROM orchestra_auditevent
  WHERE kind = %s AND object_id = t.id AND chain = t.chain ORDER BY seq DESC LIMIT 1
) e ON true
WHERE e.target IS DISTINCT FROM t.state ORDER BY t.id
"""
# An event tells of a row that is there, and in that row's chain.
ROWLESS = """
SELECT e.chain::text, e.seq, e.object_id, t.chain::text FROM orchestra_auditevent e
LEFT JOIN ({rows}) t ON t.id = e.object_id
WHERE e.kind = %s AND t.chain IS DISTINCT FROM e.chain ORDER BY e.chain, e.seq
"""


@contextmanager
def snapshot(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Everything inside sees the database as of one moment, and can write nothing."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def check(points: Points, count: Count) -> Iterator[Finding]:
    """Walk the whole record, then hold every row against its events. `points` are what seals name."""
    with snapshot():
        yield from walk.record(items(), points, count)
        yield from lives()


def items(chain: UUID | None = None) -> Iterator[Link | Head]:
    """All links and heads, or those of one chain, sorted as `walk.record` wants them. Inside a snapshot."""
    links: Iterator[Link | Head] = (Link(*row) for row in _rows(LINKS, chain))
    return merge(links, heads(chain=chain), key=attrgetter("chain"))


def heads(using: str = DEFAULT_DB_ALIAS, *, chain: UUID | None = None) -> Iterator[Head]:
    """All heads, or that of one chain, sorted by chain. Inside a transaction."""
    return (Head(*row) for row in _rows(HEADS, chain, using))


def moment() -> str:
    """When this transaction began: ISO 8601, UTC."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        [at] = cursor.fetchone()
    return str(at.astimezone(UTC).isoformat(timespec="microseconds"))


def lives() -> Iterator[Finding]:
    """Rows that are not where their last event says, and events of rows that are not there."""
    for kind in states.MACHINES:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(BEHIND.format(rows=ROWS[kind]), [kind])
            for chain, key, state, target in cursor.fetchall():
                what = f"{kind} {key} is {state}, its last event says {target or 'nothing'}"
                yield Finding(Fault.ROW, what, chain)
            cursor.execute(ROWLESS.format(rows=ROWS[kind]), [kind])
            for chain, seq, key, own in cursor.fetchall():
                what = f"tells of {kind} {key}, which " + (
                    f"belongs to chain {own}" if own else "is not there"
                )
                yield Finding(Fault.ROW, what, chain, seq)


def _rows(statement: str, chain: UUID | None, using: str = DEFAULT_DB_ALIAS) -> Iterator[tuple[Any, ...]]:
    """Rows through a cursor of the server, a batch at a time."""
    where, values = ("WHERE chain = %s", [chain]) if chain else ("", [])
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(statement.format(where=where), values)
        while rows := cursor.fetchmany(BATCH):
            yield from rows
