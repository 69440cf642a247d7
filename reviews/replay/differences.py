"""Compares two states of the shop and says in sentences where they differ; also the digest of a state.

Lists are compared without their order, amounts to the cent, whether they come as numbers or as texts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Final, TypeAlias

from reviews.replay.world import World

#: {"orders": {order id: record}, "users": {user id: record}}; what is absent is as in the shop at the start.
State: TypeAlias = Mapping[str, Mapping[str, Any]]

MONEY: Final = frozenset({"amount", "price", "balance", "exchange_price_difference"})
KINDS: Final = {"orders": "order_id", "users": "user_id"}
_CENT: Final = Decimal("0.01")


def state(world: World) -> State:
    """What a world holds besides the untouched rest of its shop."""
    return {"orders": world.orders, "users": world.users}


def compare(world: World, other: World | State) -> list[str]:
    """Where `other` differs from `world`, a sentence each; empty when both are the same.

    The other side may be a live store's dump: all records or only those that it changed.
    """
    theirs = state(other) if isinstance(other, World) else other
    ours = state(world)
    found: list[str] = []
    for kind, name in KINDS.items():
        for key in sorted({*ours.get(kind, {}), *theirs.get(kind, {})}):
            original = getattr(world.shop, kind).get(key)
            left = plain({name: key, **ours[kind].get(key, original or {})})
            right = plain({name: key, **theirs.get(kind, {}).get(key, original or {})})
            found += [f"{name.removesuffix('_id')} {key}: {told}" for told in _differ("", left, right)]
    return found


def digest(world: World) -> str:
    """SHA-256 (hex) over all that differs from the shop at the start; the same for equal worlds."""
    changed = {
        kind: {
            key: plain(record)
            for key, record in sorted(state(world)[kind].items())
            if plain(record) != plain(getattr(world.shop, kind)[key])
        }
        for kind in KINDS
    }
    return sha256(_text(changed).encode()).hexdigest()


def plain(value: Any, *, money: bool = False) -> Any:
    """One form for equal things: lists sorted, amounts as texts with two digits, empty fields left out."""
    if isinstance(value, Mapping):
        inside = {key: plain(below, money=key in MONEY) for key, below in value.items()}
        return {key: below for key, below in inside.items() if below is not None}
    if isinstance(value, list | tuple):
        return sorted((plain(below) for below in value), key=_text)
    if money and isinstance(value, int | float | Decimal | str):
        return _amount(value)
    return value


def _amount(value: int | float | Decimal | str) -> str:
    try:
        return str(Decimal(str(value)).quantize(_CENT))
    except InvalidOperation:
        return f"no amount: {value!r}"


def _differ(path: str, left: Any, right: Any) -> Iterator[str]:
    if left == right:
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            yield from _differ(f"{path}.{key}" if path else key, left.get(key), right.get(key))
    elif isinstance(left, list) and isinstance(right, list):
        ours, theirs = Counter(map(_text, left)), Counter(map(_text, right))
        yield from (f"{path}: expected {_cut(each)}" for each in (ours - theirs).elements())
        yield from (f"{path}: unexpected {_cut(each)}" for each in (theirs - ours).elements())
    else:
        yield f"{path}: expected {_cut(_text(left))}, found {_cut(_text(right))}"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
