"""The pool of connections to the shop's own database, and its tables. Knows nothing of what the rows mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool

from examples.store import exact

SCHEMA = Path(__file__).with_name("schema.sql")
MOST_CONNECTIONS = 8
PATIENCE = 15.0  # seconds to wait for a free connection

Session = psycopg.Connection
Pool = ConnectionPool[psycopg.Connection]


def migrate(url: str) -> None:
    """Make the tables that are missing; several may do so at once."""
    with psycopg.connect(url, connect_timeout=10) as session:
        session.execute(SCHEMA.read_bytes())


def pool(url: str) -> Pool:
    """An open pool; a connection that it lends commits at the end of its `with`, or rolls back on an error."""
    return ConnectionPool(
        url,
        min_size=1,
        max_size=MOST_CONNECTIONS,
        timeout=PATIENCE,
        kwargs={"connect_timeout": 10},
        configure=_use_exact_numbers,
        open=True,
    )


def one(session: Session, query: LiteralString, values: dict[str, Any]) -> tuple[Any, ...]:
    """The row of a statement that always has one."""
    row = session.execute(query, values).fetchone()
    if row is None:
        raise LookupError(f"no row from: {query}")
    return row


def _use_exact_numbers(session: Session) -> None:
    set_json_loads(exact.read, session)
    set_json_dumps(exact.write, session)
