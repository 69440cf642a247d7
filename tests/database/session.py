"""A raw session that does by SQL what `moves` does, and what it never would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection as django_connection
from django.db import models
from psycopg import sql

from orchestra import moves

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Session:
    """One transaction after another, as one role. Rows are Django's; nothing here goes through Django."""

    connection: psycopg.Connection

    def execute(self, statement: str, *values: object, **names: str) -> psycopg.Cursor[Any]:
        """Run a statement; {names} in it become identifiers."""
        identifiers = {key: sql.Identifier(value) for key, value in names.items()}
        return self.connection.execute(sql.SQL(statement).format(**identifiers), values or None)

    def event(self, row: Any, source: str, target: str, **instead: object) -> None:
        """Append the event of a move."""
        given: dict[str, object] = {
            "chain": row.chain,
            "kind": moves.machine_of(row).name,
            "object_id": row.pk,
            "subject": row.subject,
            "source": source,
            "target": target,
            "actor": "system",
            "reason": "a test",
            "data": b"{}",
            **instead,
        }
        self.execute(
            "SELECT orchestra_audit_append(%s::uuid, %s, %s::bigint, %s, %s, %s, %s, %s, %s::bytea)",
            *given.values(),
        )

    def change(self, row: models.Model, **columns: object) -> None:
        """Update columns of a row, and nothing else."""
        values = [_stored(row, name, value) for name, value in columns.items()]
        names = [row._meta.get_field(name).column for name in columns]  # type: ignore[union-attr]
        self.set(row, **{str(name): value for name, value in zip(names, values, strict=True)})

    def set(self, row: models.Model, **columns: object) -> None:
        """Update columns, named as the table names them."""
        sets = ", ".join(f"{{{name}}} = %s" for name in columns)
        statement = f"UPDATE {{table}} SET {sets} WHERE id = %s"
        table = row._meta.db_table
        cursor = self.execute(
            statement, *columns.values(), row.pk, table=table, **{name: name for name in columns}
        )
        assert cursor.rowcount == 1

    def move(
        self, row: Any, target: str, columns: Mapping[str, Any] = NOTHING, *, event: bool = True
    ) -> None:
        """Move a row as `moves` does, with its event or without."""
        self.change(row, state=target, **columns)
        if event:
            self.event(row, row.state, target)

    def copy(self, row: models.Model, **columns: object) -> int:
        """Insert a copy of a row under a new id, with other columns. Returns the id."""
        fresh = self.execute("SELECT max(id) + 1000 FROM {table}", table=row._meta.db_table).fetchone()
        assert fresh
        instead = {name: _stored(row, name, value) for name, value in columns.items()}
        named = {row._meta.get_field(name).column: value for name, value in instead.items()}  # type: ignore[union-attr]
        self.execute(
            "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || %s)).* "
            "FROM {table} t WHERE id = %s",
            json.dumps({"id": fresh[0], **named}, default=str),
            row.pk,
            table=row._meta.db_table,
        )
        return int(fresh[0])

    def settle(self) -> None:
        """Let the checks that wait for the end of the transaction speak now."""
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _stored(row: models.Model, name: str, value: object) -> object:
    """The value as the column takes it."""
    field = row._meta.get_field(name)
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, UUID):
        return value
    return field.get_db_prep_save(value, django_connection)  # type: ignore[union-attr]
