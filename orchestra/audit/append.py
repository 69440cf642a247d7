"""Appends events to the record, through the database's own function, inside the caller's transaction.

Callers pass ids, digests and numbers, never payloads; reasons are the words of people, and stay for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from orchestra import canonical


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one row's state. `actor` is `person:…`, `service:…`, `worker:…` or `system`."""

    chain: UUID
    kind: str
    object_id: int
    subject: str
    source: str
    target: str
    actor: str
    reason: str
    data: Mapping[str, object] = field(default_factory=dict)


SQL = """
SELECT orchestra_audit_append(e.chain, e.kind, e.object_id, e.subject, e.source, e.target, e.actor, e.reason, e.data)
FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
  AS e(chain, kind, object_id, subject, source, target, actor, reason, data)
"""
LONGEST_SUBJECT = 120


def append(events: Sequence[Event]) -> None:
    """Append in the given order, in one statement. Locks each chain's head until the transaction ends."""
    if not events:
        return
    rows = [
        (
            event.chain,
            event.kind,
            event.object_id,
            event.subject[:LONGEST_SUBJECT],
            event.source,
            event.target,
            event.actor,
            event.reason,
            canonical.encode(dict(event.data)),
        )
        for event in events
    ]
    with connection.cursor() as cursor:
        cursor.execute(SQL, [list(column) for column in zip(*rows, strict=True)])
