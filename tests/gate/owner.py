"""The owner of the database at work: it changes rows that nobody else may change, with the guards aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from orchestra.models import ToolCall
from orchestra.models.fields import Row
from tests.databases import Database

TRIGGERS = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"


def alter(database: Database, changes: Sequence[tuple[Row, Mapping[str, Any]]]) -> None:
    """Write these columns of these rows of one table as they are given; lists and mappings as JSON."""
    table = changes[0][0]._meta.db_table
    with database.connect("owner", autocommit=False) as connection:
        guards = [name for (name,) in connection.execute(TRIGGERS, [table]).fetchall()]
        _set(connection, "ALTER TABLE {} DISABLE TRIGGER {}", table, guards)
        for row, columns in changes:
            assert _write(connection, row, columns) == 1
        _set(connection, "ALTER TABLE {} ENABLE ALWAYS TRIGGER {}", table, guards)


def _set(connection: Connection, text: str, table: str, guards: Sequence[str]) -> None:
    for guard in guards:
        connection.execute(sql.SQL(text).format(sql.Identifier(table), sql.Identifier(guard)))


def _write(connection: Connection, row: Row, columns: Mapping[str, Any]) -> int:
    pairs = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns)
    update = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(row._meta.db_table), pairs)
    given = [Jsonb(value) if isinstance(value, list | dict) else value for value in columns.values()]
    return connection.execute(update, [*given, row.pk]).rowcount


def flips(call: ToolCall) -> list[tuple[str, Any]]:
    """Every way to change one sign of what is stored of a request: the column, and its other value."""
    found: list[tuple[str, Any]] = []
    for name in ("method", "path", "target"):
        found += [(name, text) for text in _texts(getattr(call, name))]
    for name in ("body", "digest"):
        found += [(name, data) for data in _bytes(bytes(getattr(call, name)))]
    for place, pair in enumerate(call.headers):
        for part in (0, 1):
            for text in _texts(pair[part]):
                other = [list(each) for each in call.headers]
                other[place][part] = text
                found.append(("headers", other))
    found += [("headers", call.headers[1:]), ("headers", [*call.headers, ["X-More", "1"]])]
    found += [("headers", call.headers[::-1])] * (len(call.headers) > 1)
    return found


def _bytes(data: bytes) -> list[bytes]:
    """The same with one byte changed, missing or added."""
    changed = [data[:n] + bytes([byte ^ 1]) + data[n + 1 :] for n, byte in enumerate(data)]
    return [*changed, data[:-1], data + b" "]


def _texts(text: str) -> list[str]:
    return [changed.decode() for changed in _bytes(text.encode())]
