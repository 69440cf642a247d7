"""Seals the record: signs a Merkle root over all heads as of one moment. Checks the table of seals.

Refuses to sign what does not follow from the seals before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final

from django.db import connections, transaction

from orchestra.audit import record, sealed, signatures
from orchestra.audit.chain import Head
from orchestra.audit.faults import Fault, Finding
from orchestra.audit.sealed import Book, Seal
from orchestra.errors import Invalid, OrchestraError, StaleState
from orchestra.models import AuditSeal

#: A direct session: the lock of one sealer outlasts a transaction.
DIRECT: Final = "direct"
LOCK: Final = 7_366_101
NO_HEADS: Final[Mapping[str, Head]] = {}

STILL_THERE = """
SELECT count(*) FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS s(chain, seq, digest)
JOIN orchestra_auditevent e ON e.chain = s.chain AND e.seq = s.seq AND e.digest = s.digest
"""


class Inconsistent(OrchestraError):
    """The record is not a continuation of what was sealed. Verify it; do not seal over it."""

    code = "record-inconsistent"


def seal(*, secret: bytes, origin: str, known: Mapping[str, Head] = NO_HEADS) -> tuple[Seal, list[Head]]:
    """Sign the heads as of now, store the seal, and return it with all heads, sorted by chain.

    `known` are the heads of an earlier seal. Raises Inconsistent when the record lost any of them, Invalid for
    a name that is not this log's, StaleState while somebody else seals.
    """
    if not sealed.ORIGIN.fullmatch(origin):
        raise Invalid("An origin is letters, digits and . _ : / @ -, at most 120.")
    with _alone(), transaction.atomic(using=DIRECT):
        at = _moment()
        heads = list(record.heads(DIRECT))
        made = _next(at, origin, heads, signatures.public_key(secret)).signed(secret)
        _still_there(sorted(set(known.values()) - set(heads), key=attrgetter("chain")))
        AuditSeal.objects.using(DIRECT).create(
            at=at,
            origin=origin,
            heads=made.heads,
            events=made.events,
            root=made.root,
            key=made.key,
            signature=made.signature,
        )
    return made, heads


def name() -> str:
    """The name under which this log was sealed last; empty if it never was."""
    return AuditSeal.objects.order_by("-id").values_list("origin", flat=True).first() or ""


def check(book: Book) -> Iterator[Finding]:
    """Check the table of seals, and that no seal of a file is missing in it."""
    roots: set[bytes] = set()
    last: Seal | None = None
    for row in AuditSeal.objects.order_by("id").iterator():
        found = _stored(row, last)
        wrong = [*sealed.trusted(found, book)]
        if last and (found.at < last.at or found.heads < last.heads or found.events < last.events):
            wrong.append("it is less than the seal before it")
        if wrong:
            yield Finding(Fault.SEAL, f"seal {row.pk} of the table: {'; '.join(wrong)}")
        book.keys, book.origin = book.keys or frozenset([found.key]), book.origin or found.origin
        roots.add(found.root)
        last = found
    if gone := len(book.roots - roots):
        yield Finding(Fault.SEAL, f"{gone} of the exported seals are missing in the table")


@contextmanager
def _alone() -> Iterator[None]:
    """One sealer at a time. The lock is taken before the snapshot, so that the last seal is in it."""
    with connections[DIRECT].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        [taken] = cursor.fetchone()
        if not taken:
            raise StaleState("Somebody else is sealing this log. Try again.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _moment() -> datetime:
    """Take the snapshot; the time is just behind it, so that a seal never claims less than it saw."""
    with connections[DIRECT].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at


def _next(at: datetime, origin: str, heads: list[Head], key: bytes) -> Seal:
    last = AuditSeal.objects.using(DIRECT).order_by("-id").first()
    events = sum(head.seq for head in heads)
    if last and last.origin != origin:
        raise Invalid(f"This log is called {last.origin}; it cannot be sealed as {origin}.")
    if last and (len(heads) < last.heads or events < last.events):
        raise Inconsistent(
            "The record is smaller than when it was last sealed. Run `manage.py audit verify`."
        )
    return Seal(
        origin=origin,
        at=_text(at),
        heads=len(heads),
        events=events,
        root=sealed.root(heads),
        previous=bytes(last.root) if last else sealed.NO_ROOT,
        key=key,
    )


def _still_there(known: list[Head]) -> None:
    chains, numbers = [head.chain for head in known], [head.seq for head in known]
    with connections[DIRECT].cursor() as cursor:
        cursor.execute(STILL_THERE, [chains, numbers, [head.digest for head in known]])
        [there] = cursor.fetchone()
    if there != len(known):
        raise Inconsistent(
            f"{len(known) - there} sealed chains were rewritten. Run `manage.py audit verify --seals FILE`."
        )


def _stored(row: AuditSeal, last: Seal | None) -> Seal:
    return Seal(
        origin=row.origin,
        at=_text(row.at),
        heads=row.heads,
        events=row.events,
        root=bytes(row.root),
        previous=last.root if last else sealed.NO_ROOT,
        key=bytes(row.key),
        signature=bytes(row.signature),
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
