"""Walks along chains and says what is broken: digests, numbers, order, ends, sealed links, lives of objects. Pure.

Reads each link once and keeps the marks of one chain in memory. Refuses to repair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from orchestra import states
from orchestra.audit.chain import GENESIS, Head, Link, digest, digest_as
from orchestra.audit.faults import Fault, Finding

#: How far round a broken link its own number is looked for.
REACH: Final = 16
#: A clock may be set back by this much (microseconds) without being called an attack.
CLOCK_STEP: Final = 5_000_000

#: Number and digest of every link of a chain that a seal names.
Points = Mapping[str, Mapping[int, bytes]]
NOTHING: Final[Mapping[int, bytes]] = {}


@dataclass(slots=True)
class Count:
    """What was read."""

    chains: int = 0
    events: int = 0


@dataclass(slots=True)
class _Walk:
    """Where the walk along one chain stands."""

    chain: str
    seq: int = 0
    digest: bytes = GENESIS
    at: int = 0
    recent: deque[tuple[bytes, bool]] = field(default_factory=lambda: deque(maxlen=REACH))
    lives: dict[tuple[str, int], str] = field(default_factory=dict)


def record(items: Iterable[Link | Head], points: Points, count: Count) -> Iterator[Finding]:
    """Check links and heads, sorted by chain and number, a chain's head behind its links.

    Adds what was read to `count`. Every sealed point must be found.
    """
    last = ""
    met: set[str] = set()
    for name, group in groupby(items, attrgetter("chain")):
        if name <= last:
            yield Finding(Fault.FILE, "stands out of order, or twice", name)
        last = max(last, name)
        sealed = points.get(name, NOTHING)
        met.update([name] if sealed else ())
        count.chains += 1
        yield from chain(name, group, sealed, count)
    for name in sorted(points.keys() - met):
        yield Finding(Fault.CUT, "a seal names this chain, and all of it is missing", name)


def chain(
    name: str, items: Iterable[Link | Head], sealed: Mapping[int, bytes], count: Count
) -> Iterator[Finding]:
    """Check one chain: its links in order, then its head."""
    walk = _Walk(name)
    head: Head | None = None
    for item in items:
        if head:
            yield Finding(Fault.FILE, "goes on behind its head", name)
        if isinstance(item, Head):
            head = item
            continue
        count.events += 1
        yield from _link(walk, item, sealed)
    yield from _end(walk, head)
    if (known := max(sealed, default=0)) > walk.seq:
        yield Finding(Fault.CUT, f"a seal names link {known}, the last one here is {walk.seq}", name)


def _link(walk: _Walk, link: Link, sealed: Mapping[int, bytes]) -> Iterator[Finding]:
    fits = digest(link) == link.digest
    follows = link.previous == walk.digest
    if fits and follows and link.seq == walk.seq + 1:
        sound = True
    else:
        found = [*_broken(walk, link, fits=fits, follows=follows)]
        sound = not found
        yield from found
    if link.at < walk.at - CLOCK_STEP:
        yield Finding(Fault.BACKDATED, "is older than the link before it", walk.chain, link.seq)
    if sealed.get(link.seq, link.digest) != link.digest:
        yield Finding(Fault.REBUILT, "is not the link that a seal names", walk.chain, link.seq)
    if link.seq > walk.seq:  # a fork does not carry the chain on
        yield from _life(walk, link)
        walk.recent.append((walk.digest, sound))
        walk.seq, walk.digest, walk.at = link.seq, link.digest, max(walk.at, link.at)


def _broken(walk: _Walk, link: Link, *, fits: bool, follows: bool) -> Iterator[Finding]:
    """Say what is wrong with a link that is not the sound next one."""
    expected = walk.seq + 1
    if link.seq < expected:
        yield Finding(
            Fault.FORKED, "stands behind a link with this number or a later one", walk.chain, link.seq
        )
        return
    if link.seq > expected:
        yield Finding(Fault.DELETED, f"links {expected} to {link.seq - 1} are missing", walk.chain, link.seq)
    if not fits:
        yield from _unfit(walk, link, follows=follows)
    elif not follows and link.seq == expected:
        yield Finding(
            Fault.REPLACED, "was chained to another link than the one before it", walk.chain, link.seq
        )


def _unfit(walk: _Walk, link: Link, *, follows: bool) -> Iterator[Finding]:
    """A link whose digest does not fit: moved from another number, or edited."""
    near = range(max(1, link.seq - REACH), link.seq + REACH + 1)
    true = next((seq for seq in near if seq != link.seq and digest_as(link, seq) == link.digest), None)
    if true is None:
        yield Finding(Fault.EDITED, "does not fit its digest", walk.chain, link.seq)
    elif not follows:
        between = _between(walk, link)
        if between and len(between) == link.seq - true and all(between):
            what = f"{len(between)} put in before it: it was link {true}"
            yield Finding(Fault.INSERTED, what, walk.chain, link.seq)
        else:
            yield Finding(Fault.MOVED, f"was link {true} when it was written", walk.chain, link.seq)


def _between(walk: _Walk, link: Link) -> list[bool]:
    """Soundness of the links between this one and the one it was chained to; empty when that is not near."""
    sounds: list[bool] = []
    for before, sound in reversed(walk.recent):
        sounds.append(sound)
        if before == link.previous:
            return sounds
    return []


def _end(walk: _Walk, head: Head | None) -> Iterator[Finding]:
    if head is None:
        yield Finding(Fault.HEAD, "has links but no head", walk.chain)
    elif head.seq > walk.seq:
        yield Finding(Fault.CUT, f"links {walk.seq + 1} to {head.seq} are missing at its end", walk.chain)
    elif head.seq < walk.seq:
        yield Finding(
            Fault.INSERTED, f"{walk.seq - head.seq} links stand behind its head", walk.chain, head.seq
        )
    elif head.digest != walk.digest:
        yield Finding(Fault.HEAD, "does not have the digest of the last link", walk.chain, head.seq)


def _life(walk: _Walk, link: Link) -> Iterator[Finding]:
    """Each object of a machine is born once and moves from where it is to where it may go."""
    machine = states.MACHINES.get(link.kind)
    if machine is None:
        return
    key = (link.kind, link.object_id)
    here = walk.lives.get(key, "")
    walk.lives[key] = link.target
    legal = machine.allows(link.source, link.target) if link.source else link.target in machine.births
    is_note = (
        link.source == link.target and link.source in machine.states
    )  # something was said, nothing moved
    if link.source != here or not (legal or is_note):
        at = here or "not there"
        what = (
            f"{link.kind} {link.object_id} is {at}, the event says {link.source or 'born'} to {link.target}"
        )
        yield Finding(Fault.LIFE, what, walk.chain, link.seq)
