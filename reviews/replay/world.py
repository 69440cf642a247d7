"""A small shop in memory: applies approved writes to a copy of the database, to check the live store against.

Independent on purpose: shares no code with the example store, and knows no HTTP, no gate and no policy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

Record: TypeAlias = dict[str, Any]
Arguments: TypeAlias = Mapping[str, Any]


class Refused(Exception):
    """The shop says no; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The database at the start, never changed. `variants`: item id to (product id, variant)."""

    orders: Mapping[str, Record]
    users: Mapping[str, Record]
    variants: Mapping[str, tuple[str, Record]]


@dataclass(frozen=True, slots=True)
class Call:
    """One write as it was approved: the tool and its arguments."""

    tool: str
    arguments: Arguments


def open_shop(folder: Path) -> Shop:
    """Read orders.json, users.json and products.json; amounts become decimals. Raises OSError without them."""
    orders, users, products = (
        json.loads((folder / name).read_text(encoding="utf-8"), parse_float=Decimal)
        for name in ("orders.json", "users.json", "products.json")
    )
    variants = {
        item: (product_id, variant)
        for product_id, product in products.items()
        for item, variant in product["variants"].items()
    }
    return Shop(orders, users, variants)


@dataclass(slots=True)
class World:
    """One run's own state: the shop, and copies of what was touched. `lenient` is how source S3 behaves:
    address and payment may change after an item change, and an item cannot be swapped for itself.
    """

    shop: Shop
    lenient: bool = False
    orders: dict[str, Record] = field(default_factory=dict)
    users: dict[str, Record] = field(default_factory=dict)

    def apply(self, call: Call) -> None:
        """Let one write take effect; raises Refused, and then nothing has changed."""
        if (operation := OPERATIONS.get(call.tool)) is None:
            raise Refused(f"no write is called {call.tool}")
        shape, act = operation
        _check_shape(shape, call.arguments)
        act(self, call.arguments)

    def order(self, order_id: str) -> Record:
        """This world's copy of an order."""
        return _mine(self.orders, self.shop.orders, order_id, "order")

    def user(self, user_id: str) -> Record:
        """This world's copy of a customer record."""
        return _mine(self.users, self.shop.users, user_id, "user")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A world after its calls; `outcomes` has the shop's refusal for each call, None where it took effect."""

    world: World
    outcomes: tuple[str | None, ...]


def replay(shop: Shop, calls: Iterable[Call], *, lenient: bool) -> Replayed:
    """Apply the calls in their order to a fresh copy of the shop."""
    world = World(shop, lenient)
    return Replayed(world, tuple(_attempt(world, call) for call in calls))


def _attempt(world: World, call: Call) -> str | None:
    try:
        world.apply(call)
    except Refused as refusal:
        return str(refusal)
    return None


def _mine(copies: dict[str, Record], originals: Mapping[str, Record], key: str, what: str) -> Record:
    if key not in originals:
        raise Refused(f"{what} not found")
    if key not in copies:
        copies[key] = deepcopy(originals[key])
    return copies[key]


def _check_shape(shape: Mapping[str, type], arguments: Arguments) -> None:
    _require(arguments.keys() == shape.keys(), f"the arguments are exactly {', '.join(shape)}")
    for name, kind in shape.items():
        value = arguments[name]
        _require(isinstance(value, kind), f"{name} is a {kind.__name__}")
        _require(kind is str or all(isinstance(each, str) for each in value), f"{name} holds texts")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


# --- What the shop does ----------------------------------------------------------------------------------------------

PENDING: Final = "pending"
CHANGED: Final = "pending (item modified)"
REASONS: Final = ("no longer needed", "ordered by mistake")


def _cancel(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(order["status"] == PENDING, "only a pending order is cancelled")
    _require(given["reason"] in REASONS, "this is no reason to cancel")
    history = order["payment_history"]
    methods = [_method(world, order, past["payment_method_id"]) for past in history]
    for method, past in zip(methods, tuple(history), strict=True):
        _credit(method, past["amount"])
        history.append(_booking("refund", past["amount"], method["id"]))
    order |= {"status": "cancelled", "cancel_reason": given["reason"]}


def _return(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(order["status"] == "delivered", "only a delivered order is returned")
    method = _method(world, order, given["payment_method_id"])
    paid_with = order["payment_history"][0]["payment_method_id"]
    _require(
        method["source"] == "gift_card" or method["id"] == paid_with, "refunds go back to what was paid with"
    )
    _find_lines(order, given["item_ids"])
    order |= {
        "status": "return requested",
        "return_items": list(given["item_ids"]),
        "return_payment_method_id": method["id"],
    }


def _exchange(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(order["status"] == "delivered", "only a delivered order is exchanged")
    _, difference = _price_swap(world, order, given)
    order |= {
        "status": "exchange requested",
        "exchange_items": list(given["item_ids"]),
        "exchange_new_items": list(given["new_item_ids"]),
        "exchange_payment_method_id": given["payment_method_id"],
        "exchange_price_difference": difference,
    }


def _modify_items(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(order["status"] == PENDING, "only a pending order is modified")
    same = any(old == new for old, new in zip(given["item_ids"], given["new_item_ids"], strict=False))
    _require(not (world.lenient and same), "an item is not swapped for itself")
    lines, difference = _price_swap(world, order, given)
    method = _method(world, order, given["payment_method_id"])
    _credit(method, -difference)
    kind = "payment" if difference > 0 else "refund"
    order["payment_history"].append(_booking(kind, abs(difference), method["id"]))
    for line, new_id in zip(lines, given["new_item_ids"], strict=True):
        _swap(line, world.shop.variants[new_id][1])
    order["status"] = CHANGED


def _modify_payment(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(_open(world, order), "only a pending order is modified")
    method = _method(world, order, given["payment_method_id"])
    history = order["payment_history"]
    _require(
        len(history) == 1 and history[0]["transaction_type"] == "payment", "there was not exactly one payment"
    )
    paid = history[0]
    _require(method["id"] != paid["payment_method_id"], "it is paid with this method already")
    former = _method(world, order, paid["payment_method_id"])
    _cover(method, paid["amount"])
    _credit(method, -paid["amount"])
    _credit(former, paid["amount"])
    history += [
        _booking("payment", paid["amount"], method["id"]),
        _booking("refund", paid["amount"], former["id"]),
    ]


def _modify_order_address(world: World, given: Arguments) -> None:
    order = world.order(given["order_id"])
    _require(_open(world, order), "only a pending order is modified")
    order["address"] = {name: given[name] for name in ADDRESS}


def _modify_user_address(world: World, given: Arguments) -> None:
    world.user(given["user_id"])["address"] = {name: given[name] for name in ADDRESS}


def _open(world: World, order: Record) -> bool:
    return order["status"] == PENDING or (world.lenient and order["status"] == CHANGED)


def _method(world: World, order: Record, method_id: str) -> Record:
    methods: Mapping[str, Record] = world.user(order["user_id"])["payment_methods"]
    _require(method_id in methods, "payment method not found")
    return methods[method_id]


def _cover(method: Record, amount: Decimal) -> None:
    _require(
        method["source"] != "gift_card" or method["balance"] >= amount, "the gift card does not cover it"
    )


def _credit(method: Record, amount: Decimal) -> None:
    """Gift cards are booked at once; of other methods no balance is known."""
    if method["source"] == "gift_card":
        method["balance"] += amount


def _find_lines(order: Record, item_ids: Iterable[str]) -> list[Record]:
    """One line of the order for each id; the same id twice needs two lines."""
    left = list(order["items"])
    found = []
    for item_id in item_ids:
        line = next((line for line in left if line["item_id"] == item_id), None)
        if line is None:
            raise Refused(f"{item_id} is not in the order that often")
        left.remove(line)
        found.append(line)
    return found


def _price_swap(world: World, order: Record, given: Arguments) -> tuple[list[Record], Decimal]:
    """The lines to change, and what the customer pays more (or less, below zero); Refused if it cannot be."""
    lines, new_ids = _find_lines(order, given["item_ids"]), given["new_item_ids"]
    _require(len(lines) == len(new_ids), "there is one new item for each old one")
    difference = Decimal(0)
    for line, new_id in zip(lines, new_ids, strict=True):
        product_id, variant = world.shop.variants.get(new_id, ("", {}))
        fits = product_id == line["product_id"] and variant["available"]
        _require(fits, f"{new_id} is no available variant of the same product")
        difference += variant["price"] - line["price"]
    _cover(_method(world, order, given["payment_method_id"]), difference)
    return lines, difference


def _swap(line: Record, variant: Record) -> None:
    line |= {name: deepcopy(variant[name]) for name in ("item_id", "price", "options")}


def _booking(kind: str, amount: Decimal, method_id: str) -> Record:
    return {"transaction_type": kind, "amount": amount, "payment_method_id": method_id}


ADDRESS: Final = ("address1", "address2", "city", "country", "state", "zip")
_SWAP: Final = {"order_id": str, "item_ids": list, "new_item_ids": list, "payment_method_id": str}
OPERATIONS: Final[Mapping[str, tuple[Mapping[str, type], Callable[[World, Arguments], None]]]] = {
    "cancel_pending_order": ({"order_id": str, "reason": str}, _cancel),
    "return_delivered_order_items": ({"order_id": str, "item_ids": list, "payment_method_id": str}, _return),
    "exchange_delivered_order_items": (_SWAP, _exchange),
    "modify_pending_order_items": (_SWAP, _modify_items),
    "modify_pending_order_payment": ({"order_id": str, "payment_method_id": str}, _modify_payment),
    "modify_pending_order_address": (dict.fromkeys(("order_id", *ADDRESS), str), _modify_order_address),
    "modify_user_address": (dict.fromkeys(("user_id", *ADDRESS), str), _modify_user_address),
}
