"""Sound chains in memory, and an attacker's tools to rebuild them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

from orchestra.audit import walk
from orchestra.audit.chain import GENESIS, Head, Link, digest
from orchestra.audit.faults import Finding
from orchestra.audit.walk import Count

WAYS = ["", "queued", "running", "queued", "running", "waiting", "running", "succeeded"]
SECOND = 1_000_000


def name(number: int = 1) -> str:
    """A chain's name."""
    return str(UUID(int=number))


def links(number: int = 1) -> list[Link]:
    """The life of one run: seven links."""
    moves = pairwise(WAYS)
    return chained(
        Link(
            chain=name(number),
            seq=0,
            at=1_700_000_000 * SECOND + place * SECOND,
            transaction=place,
            kind="run",
            object_id=number,
            subject="run",
            source=source,
            target=target,
            actor="system",
            reason=f"reason {place}",
            data=b"{}",
            previous=b"",
            digest=b"",
        )
        for place, (source, target) in enumerate(moves)
    )


def chained(loose: Iterable[Link], previous: bytes = GENESIS, seq: int = 0) -> list[Link]:
    """The same links, numbered and with digests that fit: what an attacker does who can write anything."""
    made: list[Link] = []
    for link in loose:
        seq += 1
        link = replace(link, seq=seq, previous=previous)
        made.append(replace(link, digest=digest(link)))
        previous = made[-1].digest
    return made


def head(of: list[Link]) -> Head:
    """The head of a chain."""
    return Head(of[-1].chain, of[-1].seq, of[-1].digest)


def record(*chains: list[Link]) -> list[Link | Head]:
    """A whole record with right heads."""
    items: list[Link | Head] = []
    for chain in chains:
        items += [*chain, head(chain)]
    return items


def findings(items: Iterable[Link | Head], points: walk.Points | None = None) -> list[Finding]:
    """What the walk finds."""
    return list(walk.record(items, points or {}, Count()))


def faults(items: Iterable[Link | Head], points: walk.Points | None = None) -> set[tuple[str, int | None]]:
    """What the walk finds: fault and link."""
    return {(str(finding.fault), finding.seq) for finding in findings(items, points)}
