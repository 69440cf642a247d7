"""What a write would do, without doing it: the same rules on the same rows, and nothing is kept."""

from __future__ import annotations

import copy
from typing import Any

from examples.store import worlds
from examples.store.data import Data, Row
from examples.store.database import Session
from examples.store.effects import Call
from examples.store.operations import OPERATIONS, Refused, World

_ABSENT = object()


def preview(session: Session, data: Data, call: Call) -> dict[str, Any]:
    """The rows that the call would change, field by field, and the money that it would move.

    A call that the shop would refuse changes nothing; `refused` says why.
    """
    before = World(data, worlds.Stored(session, call.world), call.dialect)
    after = World(data, worlds.Stored(session, call.world), call.dialect)
    try:
        OPERATIONS[call.tool](after, **copy.deepcopy(dict(call.arguments)))
    except Refused as refusal:
        return {"count": 0, "updates": [], "money": [], "refused": str(refusal)}
    pairs = [(kind, key, before.find(kind, key), after.find(kind, key)) for kind, key in after.written]
    return {
        "count": len(pairs),
        "updates": [_update(f"{kind}/{key}", old, new) for kind, key, old, new in reversed(pairs)],
        "money": [moved for _, _, old, new in reversed(pairs) for moved in _money(old, new)],
        "refused": None,
    }


def _update(name: str, old: Row, new: Row) -> dict[str, Any]:
    """The fields that differ; one that is new has no value before."""
    changed = [field for field in new if new[field] != old.get(field, _ABSENT)]
    return {
        "object": name,
        "before": {field: old[field] for field in changed if field in old},
        "after": {field: new[field] for field in changed},
    }


def _money(old: Row, new: Row) -> list[dict[str, Any]]:
    """The bookings that are new."""
    known = len(old.get("payment_history", []))
    return [
        {
            "kind": booked["transaction_type"],
            "amount": booked["amount"],
            "method": booked["payment_method_id"],
        }
        for booked in new.get("payment_history", [])[known:]
    ]
