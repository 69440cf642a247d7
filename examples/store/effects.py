"""Effects: each write happens in one transaction with its ledger row and the reply kept under its key.

Refuses a key that comes back with another request. The ledger only grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Json

from examples.store import exact, worlds
from examples.store.data import Data
from examples.store.database import Session, one
from examples.store.dialects import Dialect
from examples.store.operations import OPERATIONS, Refused, World

REFUSED = 409
COLUMNS = ("number", "world", "seq", "tool", "object", "arguments_digest", "result_digest", "key", "at")
_SELECT = (
    "SELECT number, world, seq, tool, object, arguments_digest, result_digest, key, at FROM store.ledger "
)


class KeyReused(Exception):
    """The key belongs to another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tool call with checked arguments, in a world."""

    world: str
    dialect: Dialect
    tool: str
    arguments: Mapping[str, Any]
    key: str | None = None

    @property
    def digest(self) -> str:
        """What a key is bound to: the tool and its arguments."""
        return exact.digest({"tool": self.tool, "arguments": dict(self.arguments)})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller gets to read. `replayed`: it is the reply to an earlier call with this key."""

    status: int
    body: Any
    replayed: bool = False


def look(session: Session, data: Data, call: Call) -> Outcome:
    """Do a read."""
    world = World(data, worlds.Stored(session, call.world), call.dialect)
    try:
        return Outcome(200, OPERATIONS[call.tool](world, **call.arguments))
    except Refused as refusal:
        return Outcome(REFUSED, {"error": str(refusal)})


def perform(session: Session, data: Data, call: Call, *, key_life: float) -> Outcome:
    """Do a write at most once for its key, which is remembered for `key_life` seconds.

    The caller holds the lock on the world, and commits. KeyReused when the key came with another request before.
    """
    if saved := _saved(session, call, key_life):
        return saved
    stored = worlds.Stored(session, call.world)
    world = World(data, stored, call.dialect)
    seq = None
    try:
        outcome = Outcome(200, OPERATIONS[call.tool](world, **call.arguments))
        stored.flush()
        seq = _append(session, call, world.written, outcome.body)
    except Refused as refusal:
        outcome = Outcome(REFUSED, {"error": str(refusal)})
    if call.key is not None:
        _save(session, call, outcome, seq)
    return outcome


def lookup(session: Session, world: str, key: str) -> dict[str, Any] | None:
    """The latest effect under a key, with the reply if it is still kept; None when there is none."""
    query = _SELECT + "WHERE world = %s AND key = %s ORDER BY number DESC LIMIT 1"
    row = session.execute(query, [world, key]).fetchone()
    if row is None:
        return None
    query = "SELECT status, body FROM store.reply WHERE world = %s AND key = %s AND seq = %s"
    reply = session.execute(query, [world, key, row[2]]).fetchone()
    return _effect(row) | {"reply": {"status": reply[0], "body": reply[1]} if reply else None}


def refusal(session: Session, world: str, key: str) -> str | None:
    """Why the call with this key was refused, if that is what happened to it."""
    found = session.execute(
        "SELECT body->>'error' FROM store.reply WHERE world = %s AND key = %s AND seq IS NULL", [world, key]
    ).fetchone()
    return str(found[0]) if found else None


def after(session: Session, number: int, *, world: str | None, limit: int) -> list[dict[str, Any]]:
    """Effects in the order they were committed, beginning after a number."""
    query = _SELECT + "WHERE number > %s AND (%s::text IS NULL OR world = %s) ORDER BY number LIMIT %s"
    return [_effect(row) for row in session.execute(query, [number, world, world, limit])]


def newest(session: Session, *, world: str | None, limit: int) -> list[dict[str, Any]]:
    """The last effects, the newest first."""
    query = _SELECT + "WHERE %s::text IS NULL OR world = %s ORDER BY number DESC LIMIT %s"
    return [_effect(row) for row in session.execute(query, [world, world, limit])]


def _saved(session: Session, call: Call, key_life: float) -> Outcome | None:
    if call.key is None:
        return None
    found = session.execute(
        """
        SELECT request_digest, status, body FROM store.reply
        WHERE world = %s AND key = %s AND made_at > clock_timestamp() - make_interval(secs => %s)
        """,
        [call.world, call.key, key_life],
    ).fetchone()
    if found is None:
        return None
    if found[0] != call.digest:
        raise KeyReused("this Idempotency-Key came with another request before; take a new key")
    return Outcome(found[1], found[2], replayed=True)


def _save(session: Session, call: Call, outcome: Outcome, seq: int | None) -> None:
    """Keep the reply; a reply that outlived its key goes."""
    session.execute(
        """
        INSERT INTO store.reply (world, key, request_digest, status, body, seq) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (world, key) DO UPDATE SET
            request_digest = excluded.request_digest, status = excluded.status, body = excluded.body,
            seq = excluded.seq, made_at = clock_timestamp()
        """,
        [call.world, call.key, call.digest, outcome.status, Json(outcome.body), seq],
    )


def _append(session: Session, call: Call, written: list[tuple[str, str]], result: Any) -> int:
    # Effects of all worlds commit one after the other, so that a reader who goes by `number` misses none.
    found = one(
        session,
        """
        WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('store.ledger'))),
            world AS (UPDATE store.world SET effects = effects + 1 WHERE id = %(world)s RETURNING effects)
        INSERT INTO store.ledger (world, seq, tool, object, arguments_digest, result_digest, key)
        SELECT %(world)s, effects, %(tool)s, %(object)s, %(arguments)s, %(result)s, %(key)s FROM world, turn
        RETURNING seq
        """,
        {
            "world": call.world,
            "tool": call.tool,
            "object": " ".join(f"{kind}/{row_id}" for kind, row_id in reversed(written)),
            "arguments": exact.digest(dict(call.arguments)),
            "result": exact.digest(result),
            "key": call.key,
        },
    )
    return int(found[0])


def _effect(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(COLUMNS, (*row[:-1], row[-1].isoformat()), strict=True))
