"""Seals: a signed Merkle root over all heads at a moment, and the file that keeps them with the heads. Pure.

A file begins with all heads; each later line holds those that changed. Refuses to believe a line that does not
follow from the lines before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orchestra.audit import merkle, signatures
from orchestra.audit.chain import Head
from orchestra.audit.export import Unreadable, base64, line, parse, unbase64
from orchestra.audit.faults import Fault, Finding
from orchestra.canonical import frame

FORMAT: Final = "orchestra.seal.v1"
HEAD: Final = b"orchestra.head.v1"
NO_ROOT: Final = bytes(32)
ORIGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,119}")


@dataclass(frozen=True, slots=True)
class Seal:
    """What is signed: `at` is ISO 8601 in UTC, `previous` the root of the seal before it (zeros: the first)."""

    origin: str
    at: str
    heads: int
    events: int
    root: bytes
    previous: bytes
    key: bytes
    signature: bytes = b""

    def text(self) -> bytes:
        """The exact bytes under the signature."""
        numbers = [str(self.heads), str(self.events)]
        hashes = [base64(part) for part in (self.root, self.previous, self.key)]
        return "".join(part + "\n" for part in [FORMAT, self.origin, self.at, *numbers, *hashes]).encode()

    def signed(self, secret: bytes) -> Seal:
        """The same with its signature."""
        return replace(self, signature=signatures.sign(secret, self.text()))

    def genuine(self) -> bool:
        """Whether the signature is that of the key it names."""
        return signatures.genuine(self.key, self.text(), self.signature)


@dataclass(slots=True)
class Book:
    """What the lines of a seal file say so far: the heads of the last line, and every point ever sealed.

    `keys` are the keys to trust and `origin` the log's name; where empty, the first line sets them. Lines
    younger than `until` (ISO 8601) are counted only: they name links that an older export cannot have.
    """

    keys: frozenset[bytes] = frozenset()
    origin: str = ""
    until: str = ""
    younger: int = 0
    last: Seal | None = None
    roots: set[bytes] = field(default_factory=set)
    heads: dict[str, Head] = field(default_factory=dict)
    points: dict[str, dict[int, bytes]] = field(default_factory=dict)


def root(heads: Iterable[Head]) -> bytes:
    """The Merkle root over heads, which must be sorted by chain."""
    return merkle.root(leaf(head) for head in heads)


def leaf(head: Head) -> bytes:
    """The bytes of one head in the tree."""
    return frame(HEAD, head.chain.encode(), b"%d" % head.seq, head.digest)


def changed(heads: Iterable[Head], known: Mapping[str, Head]) -> list[Head]:
    """The heads that are not as they were known."""
    return [head for head in heads if known.get(head.chain) != head]


def write(seal: Seal, heads: Iterable[Head], *, whole: bool) -> str:
    """A line of a seal file: with all heads, or with those that changed since the line before."""
    return line(
        {
            "format": FORMAT,
            "origin": seal.origin,
            "at": seal.at,
            "heads": seal.heads,
            "events": seal.events,
            "root": base64(seal.root),
            "previous": base64(seal.previous),
            "key": base64(seal.key),
            "signature": base64(seal.signature),
            "all" if whole else "changed": [[head.chain, head.seq, base64(head.digest)] for head in heads],
        }
    )


def read(lines: Iterable[bytes], book: Book) -> Iterator[Finding]:
    """Read a seal file into a book. A line with a finding adds nothing to what is taken for sealed."""
    for number, raw in enumerate(lines, start=1):
        try:
            seal, whole, heads = _parse(raw)
        except Unreadable as why:
            yield Finding(Fault.SEAL, f"line {number} of the seals {why}")
            continue
        if book.until and seal.at > book.until:
            book.younger += 1
            continue
        state = (
            {head.chain: head for head in heads}
            if whole
            else book.heads | {head.chain: head for head in heads}
        )
        if wrong := [*_wrong(seal, book), *_wrong_heads(seal, state, book)]:
            yield Finding(Fault.SEAL, f"line {number} of the seals: {'; '.join(wrong)}")
            continue
        _believe(book, seal, state, heads)


def trusted(seal: Seal, book: Book) -> Iterator[str]:
    """What speaks against a seal by itself: its key, its log, its signature."""
    if not ORIGIN.fullmatch(seal.origin):
        yield "it does not name its log"
    if book.keys and seal.key not in book.keys:
        yield f"it is signed with another key, {base64(seal.key)}"
    if book.origin and seal.origin != book.origin:
        yield f"it is of another log, {seal.origin!a}"
    if not seal.genuine():
        yield "the signature does not fit"


def _wrong(seal: Seal, book: Book) -> Iterator[str]:
    yield from trusted(seal, book)
    if book.last and (
        seal.at < book.last.at or seal.events < book.last.events or seal.heads < book.last.heads
    ):
        yield "it is less than the line before it"


def _wrong_heads(seal: Seal, state: Mapping[str, Head], book: Book) -> Iterator[str]:
    if any(chain not in state or state[chain].seq < head.seq for chain, head in book.heads.items()):
        yield "a chain that was sealed before is shorter or missing"
    if seal.heads != len(state) or seal.events != sum(head.seq for head in state.values()):
        yield "its counts do not fit its heads"
    if seal.root != root(state[chain] for chain in sorted(state)):
        yield "its root does not fit its heads"


def _believe(book: Book, seal: Seal, state: dict[str, Head], heads: Iterable[Head]) -> None:
    book.keys = book.keys or frozenset([seal.key])
    book.origin = book.origin or seal.origin
    book.last, book.heads = seal, state
    book.roots.add(seal.root)
    for head in heads:
        book.points.setdefault(head.chain, {})[head.seq] = head.digest


def _parse(raw: bytes) -> tuple[Seal, bool, list[Head]]:
    data = parse(raw)
    if data.get("format") != FORMAT or ("all" in data) == ("changed" in data):
        raise Unreadable("is no seal")
    try:
        seal = Seal(
            origin=_of(data, "origin", str),
            at=_of(data, "at", str),
            heads=_of(data, "heads", int),
            events=_of(data, "events", int),
            root=unbase64(data["root"]),
            previous=unbase64(data["previous"]),
            key=unbase64(data["key"]),
            signature=unbase64(data["signature"]),
        )
        listed = _of(data, "all" if "all" in data else "changed", list)
        heads = [Head(str(chain), int(seq), unbase64(digest)) for chain, seq, digest in listed]
    except (KeyError, TypeError, ValueError, UnicodeError):
        raise Unreadable("is damaged") from None
    return seal, "all" in data, heads


def _of(data: Mapping[str, Any], name: str, kind: type) -> Any:
    if type(data[name]) is not kind:
        raise Unreadable(f"has a wrong {name}")
    return data[name]
