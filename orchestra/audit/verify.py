"""Verifies an export and its seals without a database: `python -m orchestra.audit.verify FILE`. Pure.

Needs Python alone; seals need the package `cryptography`. Refuses to say "ok" to what it could not read.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from orchestra.audit import export, sealed, walk
from orchestra.audit.chain import Head, Link
from orchestra.audit.export import Header, Unreadable
from orchestra.audit.faults import Fault, Finding
from orchestra.audit.sealed import Book
from orchestra.audit.signatures import BadKey, key_bytes
from orchestra.audit.walk import Count

SOUND: Final = 0
BROKEN: Final = 1
USAGE: Final = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of verification, for `manage.py` and for this module alike."""
    parser.add_argument("--seals", type=Path, help="file of exported seals (.gz is read too)")
    parser.add_argument(
        "--key", action="append", default=[], help="public key of the sealer, base64; repeatable"
    )
    parser.add_argument("--origin", default="", help="name of the log that it must be")


def book(keys: Iterable[str], origin: str) -> Book:
    """An empty book that trusts these keys and this name. Raises BadKey."""
    return Book(keys=frozenset(key_bytes(key, name="--key") for key in keys), origin=origin)


def seals(path: Path, into: Book) -> Iterator[Finding]:
    """Read a file of seals into a book. Raises OSError when there is none."""
    try:
        yield from sealed.read(_lines(path), into)
    except Unreadable as why:
        yield Finding(Fault.FILE, f"the seals: {why}")


def file(path: Path, into: Book, count: Count, *, seals_from: Path | None) -> Iterator[Finding]:
    """Check an export against the seals that are not younger. Raises OSError when a file is missing."""
    found: list[Finding] = []
    try:
        lines = iter(_lines(path))
        header = export.read_header(next(lines, b""))
        into.until = header.at
        if seals_from:
            yield from seals(seals_from, into)
        if into.origin and header.origin != into.origin:
            yield Finding(Fault.SEAL, f"this is an export of {header.origin!a}, not of {into.origin!a}")
        points = {chain: into.points[chain] for chain in into.points if header.chain in {None, chain}}
        yield from walk.record(_of_one(header, export.read(lines, count, found), found), points, count)
    except Unreadable as why:
        found.append(Finding(Fault.FILE, str(why)))
    yield from found


def _of_one(header: Header, items: Iterable[Link | Head], found: list[Finding]) -> Iterator[Link | Head]:
    """All items; a file of one chain has no other."""
    for item in items:
        if header.chain not in {None, item.chain}:
            found.append(Finding(Fault.FILE, "does not belong into a file of one chain", item.chain))
        yield item


def report(findings: Iterable[Finding], count: Count, read: Book, say: Callable[[str], object]) -> int:
    """Say each finding on a line, then the whole in one, and what this could not show. Returns the exit code."""
    number = 0
    for finding in findings:
        number += 1
        say(str(finding))
    what = f"{count.chains} chains, {count.events} events, {len(read.roots)} seals"
    say(f"broken: {number} findings in {what}" if number else f"sound: {what}")
    for note in notes(read):
        say(f"note: {note}")
    return BROKEN if number else SOUND


def notes(read: Book) -> Iterator[str]:
    """What the verification could not show."""
    if not read.roots:
        yield "without exported seals (--seals) a chain that was rebuilt or cut together with its head looks sound"
    if read.younger:
        yield f"{read.younger} seals are younger than this export and say nothing about it"


def _lines(path: Path) -> Iterator[bytes]:
    """Lines of a file, unpacked where its name says so."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as opened:
        try:
            yield from opened
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise Unreadable("the file is cut off or damaged") from None


def main(given: list[str] | None = None) -> int:
    """The command of an auditor who has this package and nothing else."""
    parser = argparse.ArgumentParser(prog="python -m orchestra.audit.verify", description="Verify an export.")
    parser.add_argument("file", type=Path, help="export to verify (.gz is read too)")
    arguments(parser)
    options = parser.parse_args(given)
    try:
        return run(options.file, options.seals, options.key, options.origin, print)
    except (BadKey, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return USAGE


def run(
    path: Path, seals_from: Path | None, keys: Iterable[str], origin: str, say: Callable[[str], object]
) -> int:
    """Verify an export and say what was found. Returns the exit code; raises BadKey and OSError."""
    read, count = book(keys, origin), Count()
    code = report(file(path, read, count, seals_from=seals_from), count, read, say)
    if seals_from and not list(keys) and read.keys:
        say(f"note: the key was not given (--key); the seals name {export.base64(min(read.keys))}")
    return code


if __name__ == "__main__":
    sys.exit(main())
