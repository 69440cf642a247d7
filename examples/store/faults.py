"""Faults on order: what goes wrong at a certain call of a world. Knows what is planned; the desk does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import jsonschema_rs
from psycopg.types.json import Json

from examples.store import tools
from examples.store.database import Session
from examples.store.worlds import Visit

LONGEST = 120  # seconds
MOST = 1_000  # faults in one request
KINDS = ("error", "busy", "delay", "lost", "late")

_SCHEMA = jsonschema_rs.validator_for(
    {
        "type": "array",
        "maxItems": MOST,
        "items": {
            "type": "object",
            "required": ["call", "kind"],
            "additionalProperties": False,
            "properties": {
                "call": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "tool": {"enum": sorted(tools.TOOLS)},
                "kind": {"enum": list(KINDS)},
                "times": {"type": "integer", "minimum": 1, "maximum": 100},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "body": {},
                "seconds": {"type": "number", "minimum": 0, "maximum": LONGEST},
                "retry_after": {"type": "integer", "minimum": 0, "maximum": 3_600},
            },
        },
    }
)


class BadFault(Exception):
    """The plan is none; the text says where it is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault.

    error: `status` and `body` instead of an answer. busy: 429 with Retry-After of `seconds`. delay: the answer,
    and the effect, come `seconds` later. lost: the effect happens, the connection ends without a reply.
    late: the connection ends at once, the effect happens `seconds` later.
    """

    kind: str
    status: int
    body: Any
    seconds: float


def plan(session: Session, world: str, faults: Any) -> int:
    """Set faults, in place of others at the same calls; how many calls they hit. BadFault when they are none."""
    for problem in _SCHEMA.iter_errors(faults):
        raise BadFault(f"faults.{'.'.join(map(str, problem.instance_path))}: {problem.message}"[:500])
    rows = [
        [world, fault.get("tool", ""), fault["call"] + more, Json(dict(fault))]
        for fault in faults
        for more in range(fault.get("times", 1))
    ]
    with session.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO store.fault (world, tool, call, plan) VALUES (%s, %s, %s, %s)
            ON CONFLICT (world, tool, call) DO UPDATE SET plan = excluded.plan
            """,
            rows,
        )
    return len(rows)


def clear(session: Session, world: str) -> int:
    """Take all faults of a world back; how many calls they would have hit."""
    return session.execute("DELETE FROM store.fault WHERE world = %s", [world]).rowcount


def listed(session: Session, world: str) -> list[dict[str, Any]]:
    """The faults of a world, past ones included."""
    query = "SELECT tool, call, plan FROM store.fault WHERE world = %s ORDER BY tool, call"
    return [
        {**plan, "call": call, "tool": tool or None} for tool, call, plan in session.execute(query, [world])
    ]


def due(session: Session, visit: Visit, tool: str) -> Fault | None:
    """The fault of this call; one for the tool goes before one for any call."""
    found = session.execute(
        """
        SELECT plan FROM store.fault
        WHERE world = %s AND ((tool = '' AND call = %s) OR (tool = %s AND call = %s))
        ORDER BY tool DESC LIMIT 1
        """,
        [visit.world, visit.number, tool, visit.number_of_tool],
    ).fetchone()
    return _fault(found[0]) if found else None


def _fault(plan: Mapping[str, Any]) -> Fault:
    busy = plan["kind"] == "busy"
    status = HTTPStatus.TOO_MANY_REQUESTS if busy else plan.get("status", HTTPStatus.SERVICE_UNAVAILABLE)
    return Fault(
        kind=plan["kind"],
        status=int(status),
        body=plan.get("body", {"error": f"{int(status)} {phrase(status)}"}),
        seconds=float(plan.get("retry_after", 1) if busy else plan.get("seconds", 1)),
    )


def phrase(status: int) -> str:
    """What HTTP calls a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Fault"
