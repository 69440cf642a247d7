"""Looks for a secret everywhere that Orchestra leaves something: every row of every table, every line of log, all of Valkey.

Knows a value in every form that a system might send it back in. Refuses to look at what it cannot read.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg
import redis
from psycopg import sql

from orchestra.local.valkey import Valkey
from tests.databases import Database

TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1
"""


class Canary:
    """A secret that is looked for."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.forms = dict(_forms(value))

    def in_text(self, text: bytes) -> list[str]:
        """In which forms it is in these bytes, also where they are written as hexadecimal numbers (`bytea`)."""
        small = text.lower()
        return sorted(
            name
            for name, form in self.forms.items()
            if form in text or form.hex().encode() in small or (name == "hex" and form in small)
        )

    def in_database(self, database: Database) -> list[str]:
        """Tables in which it is, as the owner reads them."""
        with database.connect("admin") as session:
            tables = [row[0] for row in session.execute(TABLES).fetchall()]
            assert len(tables) > 40
            return [f"{table}: {form}" for table in tables for form in self.in_text(_dump(session, table))]

    def in_files(self, files: list[Path]) -> list[str]:
        """Files in which it is."""
        return [f"{file.name}: {form}" for file in files for form in self.in_text(file.read_bytes())]

    def in_valkey(self, valkey: Valkey) -> list[str]:
        """Keys in which it is; their names, and what they hold."""
        with redis.Redis.from_url(valkey.url()) as client:
            found = []
            for key in client.scan_iter(count=1_000):
                for text in (key, _value(client, key)):
                    found += [f"{key!r}: {form}" for form in self.in_text(text)]
            return found


def _dump(session: psycopg.Connection, table: str) -> bytes:
    """All rows as text; `bytea` is written as hexadecimal numbers."""
    query = sql.SQL("COPY (SELECT t.* FROM {} t) TO STDOUT").format(sql.SQL(table))
    with session.cursor() as cursor, cursor.copy(query) as copy:
        return b"".join(bytes(piece) for piece in copy)


def _value(client: redis.Redis, key: bytes) -> bytes:
    """The content of a key, read in the way of its type."""
    read: Mapping[bytes, Callable[[bytes], object]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
        b"stream": client.xrange,
    }
    kind = client.type(key)
    assert isinstance(kind, bytes)
    return b"\n".join(_unpacked(piece) for piece in _pieces(read[kind](key)))


def _pieces(value: object) -> Iterator[bytes]:
    """All bytes in a reply of the server."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, Mapping):
        yield from _pieces([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from _pieces(each)


def _unpacked(piece: bytes) -> bytes:
    """What RQ compresses, as it was before."""
    try:
        return zlib.decompress(piece)
    except zlib.error:
        return piece


def _forms(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode()
    yield "plain", raw
    yield "backwards", raw[::-1]
    yield "hex", raw.hex().encode()
    for name, text in (
        ("quoted", quote(value, safe="")),
        ("form", quote_plus(value)),
        ("path", quote(value)),
    ):
        yield name, text.encode()
        yield f"{name}, small", text.lower().encode()
    for before in range(3):  # wherever it begins, and whatever follows
        first, last = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for name, code in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            yield f"{name} at {before}", code(bytes(before) + raw)[first:last]
