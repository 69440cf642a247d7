"""Somebody who owns the database server: switches guards off, writes what they like, switches them on again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from uuid import UUID

import psycopg

from orchestra.audit import record, walk
from orchestra.audit.chain import Link
from orchestra.audit.faults import Finding
from orchestra.audit.walk import Count
from tests.audit import chains
from tests.databases import Database

TABLES = ("orchestra_auditevent", "orchestra_audithead", "orchestra_auditseal")
COLUMNS = [column.name for column in fields(Link)]


@contextmanager
def guards_off(database: Database, *more: str) -> Iterator[psycopg.Connection]:
    """A superuser's session while the guards of the record, and of more tables, are off."""
    with database.connect("admin") as connection:
        for table in (*TABLES, *more):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield connection
        for table in (*TABLES, *more):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def rebuild(database: Database, chain: UUID, change: Callable[[list[Link]], list[Link]]) -> None:
    """Write a chain anew after a change, with digests and head that fit."""
    with record.snapshot():
        links = [item for item in record.items(chain) if isinstance(item, Link)]
    links = chains.chained(change(links))
    with guards_off(database) as connection:
        connection.execute("DELETE FROM orchestra_auditevent WHERE chain = %s", [chain])
        for link in links:
            insert(connection, link)
        connection.execute(
            "UPDATE orchestra_audithead SET seq = %s, digest = %s WHERE chain = %s",
            [len(links), links[-1].digest, chain],
        )


def insert(connection: psycopg.Connection, link: Link) -> None:
    """Write a link as it is."""
    values = [getattr(link, name) for name in COLUMNS]
    places = ", ".join(
        "to_timestamp(0) + %s * interval '1 microsecond'" if name == "at" else "%s" for name in COLUMNS
    )
    connection.execute(
        f"INSERT INTO orchestra_auditevent ({', '.join(COLUMNS)}) VALUES ({places})",
        values,
    )


def links_of(chain: UUID) -> list[Link]:
    """The links of a chain as they are stored."""
    with record.snapshot():
        return [item for item in record.items(chain) if isinstance(item, Link)]


def verified(points: walk.Points | None = None) -> list[Finding]:
    """What verification of the database says, as the app's role."""
    return list(record.check(points or {}, Count()))


def faults(points: walk.Points | None = None) -> set[str]:
    """The kinds of damage that it finds."""
    return {str(finding.fault) for finding in verified(points)}
