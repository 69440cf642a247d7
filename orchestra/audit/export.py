"""The file form of the record: one JSON object a line, bytes in base64. Writes it and reads it back. Pure.

A header, each chain's links with its head behind them, and a last line with the counts. Judges nothing else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestra.audit.chain import Head, Link
from orchestra.audit.faults import Fault, Finding
from orchestra.audit.walk import Count

FORMAT: Final = "orchestra.export.v1"


class Unreadable(ValueError):
    """A line is not what it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Of which log, when (ISO 8601, UTC), and whether of one chain only."""

    origin: str
    at: str
    chain: str | None


def write(header: Header, items: Iterable[Link | Head], put: Callable[[str], object]) -> Count:
    """Write a whole file, line by line, and return what went into it."""
    count = Count()
    put(line({"format": FORMAT, "origin": header.origin, "at": header.at, "chain": header.chain}))
    for item in items:
        if isinstance(item, Link):
            count.events += 1
            put(line(link_data(item)))
        else:
            count.chains += 1
            put(line({"head": head_data(item)}))
    put(line({"end": {"chains": count.chains, "events": count.events}}))
    return count


def line(data: Mapping[str, object]) -> str:
    """One line, in ASCII, so that no text in it can break a line or turn a terminal round."""
    return json.dumps(data, separators=(",", ":")) + "\n"


def link_data(link: Link) -> dict[str, object]:
    """A link as plain data."""
    return {
        "chain": link.chain,
        "seq": link.seq,
        "at": link.at,
        "transaction": link.transaction,
        "kind": link.kind,
        "object_id": link.object_id,
        "subject": link.subject,
        "source": link.source,
        "target": link.target,
        "actor": link.actor,
        "reason": link.reason,
        "data": base64(link.data),
        "previous": base64(link.previous),
        "digest": base64(link.digest),
    }


def head_data(head: Head) -> dict[str, object]:
    """A head as plain data."""
    return {"chain": head.chain, "seq": head.seq, "digest": base64(head.digest)}


def read_header(raw: bytes) -> Header:
    """The first line. Raises Unreadable when this is no export, or one of another format."""
    data = parse(raw)
    if data.get("format") != FORMAT:
        raise Unreadable(f"this is no export: its first line does not say {FORMAT}")
    if not isinstance(data.get("origin"), str) or not isinstance(data.get("chain"), str | None):
        raise Unreadable("the first line does not name its log")
    return Header(origin=data["origin"], at=str(data.get("at")), chain=data["chain"])


def read(lines: Iterable[bytes], count: Count, found: list[Finding]) -> Iterator[Link | Head]:
    """Links and heads behind the header, in the file's order. Adds to `found` what cannot be read or is cut off.

    `count` is what `walk` counts of them: compared with the last line.
    """
    ended = False
    for number, raw in enumerate(lines, start=2):
        try:
            if ended:
                raise Unreadable("stands behind the end")
            data = parse(raw)
            if "end" in data:
                ended = True
                _check_end(data["end"], count)
            else:
                yield head_of(data["head"]) if "head" in data else link_of(data)
        except Unreadable as why:
            found.append(Finding(Fault.FILE, f"line {number}: {why}"))
    if not ended:
        found.append(Finding(Fault.FILE, "ends without its last line: the file was cut off"))


def _check_end(end: object, count: Count) -> None:
    if end != {"chains": count.chains, "events": count.events}:
        raise Unreadable(
            f"the file holds {count.chains} chains and {count.events} events, its end says otherwise"
        )


def parse(raw: bytes) -> dict[str, Any]:
    """One line as an object. Raises Unreadable."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("is not JSON") from None
    if not isinstance(data, dict):
        raise Unreadable("is not an object")
    return data


def link_of(data: Mapping[str, Any]) -> Link:
    """A link from plain data. Raises Unreadable."""
    try:
        return Link(
            chain=_text(data["chain"]),
            seq=_number(data["seq"]),
            at=_number(data["at"]),
            transaction=_number(data["transaction"]),
            kind=_text(data["kind"]),
            object_id=_number(data["object_id"]),
            subject=_text(data["subject"]),
            source=_text(data["source"]),
            target=_text(data["target"]),
            actor=_text(data["actor"]),
            reason=_text(data["reason"]),
            data=unbase64(data["data"]),
            previous=unbase64(data["previous"]),
            digest=unbase64(data["digest"]),
        )
    except KeyError as name:
        raise Unreadable(f"has no {name}") from None


def head_of(data: Any) -> Head:
    """A head from plain data. Raises Unreadable."""
    if not isinstance(data, dict) or data.keys() != {"chain", "seq", "digest"}:
        raise Unreadable("is no head")
    return Head(_text(data["chain"]), _number(data["seq"]), unbase64(data["digest"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Unreadable("a text is no text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unreadable("a text is no Unicode") from None
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise Unreadable("a number is no whole number")
    return value


def base64(data: bytes) -> str:
    """Bytes as text."""
    return b64encode(data).decode()


def unbase64(text: object) -> bytes:
    """Bytes from text. Raises Unreadable."""
    try:
        return a2b_base64(_text(text), strict_mode=True)
    except (NotBase64, ValueError):
        raise Unreadable("bytes are no base64") from None
