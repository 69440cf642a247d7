"""Worlds: isolated states of the shop over the same base data. Stores only the rows that a world changed.

Refuses to go on with a world whose base data were others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Json

from examples.store.data import KINDS, Row
from examples.store.database import Session, one
from examples.store.dialects import DIALECTS, Dialect

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class BadWorld(Exception):
    """The world cannot be made or used like that; the text says why."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One call that came to a world. `number` counts its calls from 1, `number_of_tool` those of that tool.

    `faulty`: faults are planned in this world, at whatever call.
    """

    world: str
    dialect: Dialect
    number: int
    number_of_tool: int
    faulty: bool


def check_name(world: str) -> str:
    """The id itself, when it may be one."""
    if not NAME.fullmatch(world):
        raise BadWorld(
            "a world's id has 1 to 100 letters, digits or . _ : - and begins with a letter or digit"
        )
    return world


def make(session: Session, world: str, *, dialect: str, data: str) -> bool:
    """Make a world; False when it is there already just so. BadWorld when it is there otherwise."""
    made = session.execute(
        "INSERT INTO store.world (id, dialect, data) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [check_name(world), dialect, data],
    )
    if made.rowcount:
        return True
    found = session.execute("SELECT dialect, data FROM store.world WHERE id = %s", [world]).fetchone()
    if found != (dialect, data):
        raise BadWorld(f"the world {world} exists with another dialect or on other data; choose another id")
    return False


def enter(session: Session, world: str, *, tool: str, lasting: bool, data: str) -> Visit:
    """Count a call; the first one makes the world, strict. BadWorld when it stands on other data.

    The world is locked until the end of the transaction. Unless it is to be `lasting`, the count does not wait
    for the disk.
    """
    found = one(
        session,
        """
        INSERT INTO store.world AS world (id, data, calls, calls_by_tool)
        VALUES (%(id)s, %(data)s, 1, jsonb_build_object(%(tool)s::text, 1))
        ON CONFLICT (id) DO UPDATE SET
            calls = world.calls + 1,
            calls_by_tool = world.calls_by_tool
                || jsonb_build_object(%(tool)s::text, coalesce((world.calls_by_tool->>%(tool)s)::int, 0) + 1)
        RETURNING dialect, data, calls, (calls_by_tool->>%(tool)s)::int,
            EXISTS (SELECT 1 FROM store.fault WHERE fault.world = world.id),
            CASE WHEN NOT %(lasting)s THEN set_config('synchronous_commit', 'off', true) END
        """,
        {"id": check_name(world), "data": data, "tool": tool, "lasting": lasting},
    )
    if found[1] != data:
        raise BadWorld(f"the world {world} was made on other base data; use another id, or the data of then")
    return Visit(world, DIALECTS[found[0]], number=found[2], number_of_tool=found[3], faulty=found[4])


def lock(session: Session, world: str) -> None:
    """Let nobody else change the world until the end of the transaction."""
    session.execute("SELECT 1 FROM store.world WHERE id = %s FOR UPDATE", [world])


def describe(session: Session, world: str) -> dict[str, Any] | None:
    """What is known of a world; None when there is none."""
    found = session.execute(
        "SELECT dialect, calls, calls_by_tool, effects, made_at FROM store.world WHERE id = %s",
        [check_name(world)],
    ).fetchone()
    if found is None:
        return None
    names = ("dialect", "calls", "calls_by_tool", "effects", "made_at")
    return {"id": world} | dict(zip(names, (*found[:4], found[4].isoformat()), strict=True))


def changed(session: Session, world: str) -> dict[str, dict[str, Row]]:
    """All rows that the world changed, by kind and id."""
    rows: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
    query = "SELECT kind, id, body FROM store.changed WHERE world = %s ORDER BY kind, id"
    for kind, row_id, body in session.execute(query, [check_name(world)]):
        rows[kind][row_id] = body
    return rows


class Stored:
    """The rows that a world changed, read when asked for. What is put waits for `flush`."""

    def __init__(self, session: Session, world: str) -> None:
        self._session = session
        self._world = world
        self._put: dict[tuple[str, str], Row] = {}

    def get(self, kind: str, row_id: str) -> Row | None:
        """The changed row; None when it is as in the base data."""
        if row := self._put.get((kind, row_id)):
            return row
        found = self._session.execute(
            "SELECT body FROM store.changed WHERE world = %s AND kind = %s AND id = %s",
            [self._world, kind, row_id],
        ).fetchone()
        stored: Row | None = found[0] if found else None
        return stored

    def put(self, kind: str, row_id: str, row: Row) -> None:
        """Have the row changed by `flush`."""
        self._put[kind, row_id] = row

    def flush(self) -> None:
        """Store what was put."""
        for (kind, row_id), row in self._put.items():
            self._session.execute(
                """
                INSERT INTO store.changed (world, kind, id, body) VALUES (%s, %s, %s, %s)
                ON CONFLICT (world, kind, id) DO UPDATE SET body = excluded.body
                """,
                [self._world, kind, row_id, Json(row)],
            )
