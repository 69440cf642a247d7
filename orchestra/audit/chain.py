"""One link of the record and its digest, the same bytes that the database's function hashes. Pure.

Refuses nothing: what is wrong with a link is for `verify` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestra.canonical import framed_digest

DOMAIN: Final = "orchestra.audit.v1"
GENESIS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Link:
    """One event as it is stored. `chain` is a UUID in lower case; `at` counts microseconds since 1970, UTC."""

    chain: str
    seq: int
    at: int
    transaction: int
    kind: str
    object_id: int
    subject: str
    source: str
    target: str
    actor: str
    reason: str
    data: bytes
    previous: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain, by number and digest."""

    chain: str
    seq: int
    digest: bytes


def digest(link: Link) -> bytes:
    """What the digest of a link with these columns is (32 bytes)."""
    return digest_as(link, link.seq)


def digest_as(link: Link, seq: int) -> bytes:
    """What the digest would be if the link had another number."""
    return framed_digest(
        DOMAIN,
        link.previous,
        link.chain.encode(),
        b"%d" % seq,
        b"%d" % link.at,
        b"%d" % link.transaction,
        link.kind.encode(),
        b"%d" % link.object_id,
        link.subject.encode(),
        link.source.encode(),
        link.target.encode(),
        link.actor.encode(),
        link.reason.encode(),
        link.data,
    )
