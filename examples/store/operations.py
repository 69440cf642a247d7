"""The shop's business rules: what each tool answers, changes and refuses, in decimal arithmetic, on one world.

Knows no database and no HTTP. Arguments were checked against the tool's schema before.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from examples.store import arithmetic
from examples.store.data import KINDS, Data, Row, spelled
from examples.store.dialects import Dialect
from examples.store.exact import cents

REASONS = ("no longer needed", "ordered by mistake")
PENDING = "pending"
DELIVERED = "delivered"
ITEMS_MODIFIED = "pending (item modified)"
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


class Refused(Exception):
    """The shop does not do it; the text says why, as the agent gets to read it. Nothing was changed."""


class Overlay(Protocol):
    """The rows that a world changed."""

    def get(self, kind: str, row_id: str) -> Row | None: ...

    def put(self, kind: str, row_id: str, row: Row) -> None: ...


class Memory:
    """An overlay for a replay that needs no database."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}

    def get(self, kind: str, row_id: str) -> Row | None:
        """The changed row, if it is one."""
        return self.rows[kind].get(row_id)

    def put(self, kind: str, row_id: str, row: Row) -> None:
        """Change a row."""
        self.rows[kind][row_id] = row


class World:
    """The base data as one world sees them. `written` names the rows of this call."""

    def __init__(self, data: Data, overlay: Overlay, dialect: Dialect) -> None:
        self.data = data
        self.dialect = dialect
        self.written: list[tuple[str, str]] = []
        self._overlay = overlay

    def find(self, kind: str, row_id: str) -> Row:
        """A row as it is now, not to be changed. Refused when there is none."""
        row = self._overlay.get(kind, row_id) or self.data.row(kind, row_id)
        if row is None:
            raise Refused(f"{kind.removesuffix('s')} not found")
        return row

    def own(self, kind: str, row_id: str) -> Row:
        """A copy of a row, to be changed and given to `put`."""
        return copy.deepcopy(self.find(kind, row_id))

    def put(self, kind: str, row_id: str, row: Row) -> None:
        """The row from now on."""
        self._overlay.put(kind, row_id, row)
        self.written.append((kind, row_id))


# --- Reads -----------------------------------------------------------------------------------------------------------


def find_user_id_by_email(world: World, email: str) -> str:
    user_id = world.data.emails.get(email.lower())
    if user_id is None:
        raise Refused("user not found")
    return user_id


def find_user_id_by_name_zip(world: World, first_name: str, last_name: str, zip: str) -> str:  # noqa: A002
    for user_id in world.data.names.get(spelled(first_name, last_name), ()):
        if world.find("users", user_id)["address"]["zip"] == zip:
            return user_id
    raise Refused("user not found")


def get_user_details(world: World, user_id: str) -> Row:
    return world.find("users", user_id)


def get_order_details(world: World, order_id: str) -> Row:
    return world.find("orders", order_id)


def get_product_details(world: World, product_id: str) -> Row:
    return world.find("products", product_id)


def get_item_details(world: World, item_id: str) -> Row:
    product_id = world.data.variants.get(item_id)
    if product_id is None:
        raise Refused("item not found")
    variant: Row = world.find("products", product_id)["variants"][item_id]
    return variant


def list_all_product_types(world: World) -> Row:
    return dict(sorted((product["name"], product_id) for product_id, product in world.data.products.items()))


def calculate(world: World, expression: str) -> str:  # noqa: ARG001 - all operations have one shape
    try:
        return arithmetic.evaluate(expression)
    except arithmetic.NotComputable as problem:
        raise Refused(str(problem)) from None


def think(world: World, thought: str) -> str:  # noqa: ARG001
    return ""


def transfer_to_human_agents(world: World, summary: str) -> str:  # noqa: ARG001
    return "Transfer successful"


# --- Writes ----------------------------------------------------------------------------------------------------------


def cancel_pending_order(world: World, order_id: str, reason: str) -> Row:
    order = _in_status(world, order_id, PENDING, "non-pending order cannot be cancelled")
    if reason not in REASONS:
        raise Refused("invalid reason")
    user = world.own("users", order["user_id"])
    refunds = [
        _entry("refund", paid["amount"], paid["payment_method_id"]) for paid in order["payment_history"]
    ]
    for refund in refunds:
        _charge(user, refund["payment_method_id"], -Decimal(refund["amount"]))
    order["payment_history"] += refunds
    order |= {"status": "cancelled", "cancel_reason": reason}
    _keep_balance(world, order["user_id"], user)
    return _keep(world, order)


def exchange_delivered_order_items(
    world: World, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
) -> Row:
    order = _in_status(world, order_id, DELIVERED, "non-delivered order cannot be exchanged")
    _check_items(order, item_ids, "{} not found")
    swaps = _swaps(world, order, item_ids, new_item_ids)
    difference = _difference(swaps)
    method = _method(world, order, payment_method_id)
    _check_balance(method, difference, "insufficient gift card balance to pay for the price difference")
    order |= {
        "status": "exchange requested",
        "exchange_items": sorted(item_ids),
        "exchange_new_items": sorted(new_item_ids),
        "exchange_payment_method_id": payment_method_id,
        "exchange_price_difference": difference,
    }
    return _keep(world, order)


def return_delivered_order_items(
    world: World, order_id: str, item_ids: list[str], payment_method_id: str
) -> Row:
    order = _in_status(world, order_id, DELIVERED, "non-delivered order cannot be returned")
    method = _method(world, order, payment_method_id)
    paid_with = order["payment_history"][0]["payment_method_id"]
    if method["source"] != "gift_card" and payment_method_id != paid_with:
        raise Refused("payment method should be either the original payment method or a gift card")
    _check_items(order, item_ids, "some item not found")
    order |= {
        "status": "return requested",
        "return_items": sorted(item_ids),
        "return_payment_method_id": payment_method_id,
    }
    return _keep(world, order)


def modify_pending_order_items(
    world: World, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
) -> Row:
    order = _in_status(world, order_id, PENDING, "non-pending order cannot be modified")
    _check_items(order, item_ids, "{} not found")
    swaps = _swaps(world, order, item_ids, new_item_ids, other=world.dialect.refuses_same_item)
    difference = _difference(swaps)
    method = _method(world, order, payment_method_id)
    _check_balance(method, difference, "insufficient gift card balance to pay for the new item")
    kind = "payment" if difference > 0 else "refund"
    order["payment_history"].append(_entry(kind, abs(difference), payment_method_id))
    user = world.own("users", order["user_id"])
    _charge(user, payment_method_id, difference)
    for old, new in swaps:
        line = next(line for line in order["items"] if line["item_id"] == old["item_id"])
        line |= {"item_id": new["item_id"], "price": new["price"], "options": dict(new["options"])}
    order["status"] = ITEMS_MODIFIED
    _keep_balance(world, order["user_id"], user)
    return _keep(world, order)


def modify_pending_order_payment(world: World, order_id: str, payment_method_id: str) -> Row:
    order = _still_pending(world, order_id)
    method = _method(world, order, payment_method_id)
    history = order["payment_history"]
    if len(history) != 1 or history[0]["transaction_type"] != "payment":
        raise Refused("there should be exactly one payment for a pending order")
    before, amount = history[0]["payment_method_id"], Decimal(history[0]["amount"])
    if before == payment_method_id:
        raise Refused("the new payment method should be different from the current one")
    _check_balance(method, amount, "insufficient gift card balance to pay for the order")
    history += [_entry("payment", amount, payment_method_id), _entry("refund", amount, before)]
    user = world.own("users", order["user_id"])
    _charge(user, payment_method_id, amount)
    _charge(user, before, -amount)
    _keep_balance(world, order["user_id"], user)
    return _keep(world, order)


def modify_pending_order_address(world: World, order_id: str, **address: str) -> Row:
    order = _still_pending(world, order_id)
    order["address"] = {part: address[part] for part in ADDRESS}
    return _keep(world, order)


def modify_user_address(world: World, user_id: str, **address: str) -> Row:
    user = world.own("users", user_id)
    user["address"] = {part: address[part] for part in ADDRESS}
    world.put("users", user_id, user)
    return user


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    operation.__name__: operation
    for operation in (
        find_user_id_by_email,
        find_user_id_by_name_zip,
        get_user_details,
        get_order_details,
        get_product_details,
        get_item_details,
        list_all_product_types,
        calculate,
        think,
        transfer_to_human_agents,
        cancel_pending_order,
        exchange_delivered_order_items,
        return_delivered_order_items,
        modify_pending_order_items,
        modify_pending_order_payment,
        modify_pending_order_address,
        modify_user_address,
    )
}


# --- What several rules share ----------------------------------------------------------------------------------------


def _in_status(world: World, order_id: str, status: str, refusal: str) -> Row:
    order = world.own("orders", order_id)
    if order["status"] != status:
        raise Refused(refusal)
    return order


def _still_pending(world: World, order_id: str) -> Row:
    """An order whose address and payment may change; after a change of items only in the lenient dialect."""
    order = world.own("orders", order_id)
    allowed = (PENDING, ITEMS_MODIFIED) if world.dialect.opens_modified_orders else (PENDING,)
    if order["status"] not in allowed:
        raise Refused("non-pending order cannot be modified")
    return order


def _check_items(order: Row, item_ids: list[str], refusal: str) -> None:
    """Every item named is in the order as often as it is named."""
    held = [line["item_id"] for line in order["items"]]
    for item_id in item_ids:
        if item_ids.count(item_id) > held.count(item_id):
            raise Refused(refusal.format(item_id))


def _swaps(
    world: World, order: Row, item_ids: list[str], new_item_ids: list[str], *, other: bool = False
) -> list[tuple[Row, Row]]:
    """Pairs of an order line and the available variant of the same product that takes its place.

    With `other` an item does not take its own place.
    """
    if len(item_ids) != len(new_item_ids):
        raise Refused("the number of items to be exchanged should match")
    if other and any(map(str.__eq__, item_ids, new_item_ids)):
        raise Refused("the new item id should be different from the old item id")
    pairs = []
    for item_id, new_item_id in zip(item_ids, new_item_ids, strict=True):
        line = next(line for line in order["items"] if line["item_id"] == item_id)
        variant = world.find("products", line["product_id"])["variants"].get(new_item_id)
        if variant is None or not variant["available"]:
            raise Refused(f"new item {new_item_id} not found or available")
        pairs.append((copy.copy(line), variant))  # the line itself will change
    return pairs


def _difference(swaps: list[tuple[Row, Row]]) -> Decimal:
    """What the new items cost more than the old ones."""
    return cents(sum((Decimal(new["price"]) - Decimal(old["price"]) for old, new in swaps), Decimal(0)))


def _method(world: World, order: Row, payment_method_id: str) -> Row:
    """A payment method of the customer who owns the order."""
    method: Row | None = world.find("users", order["user_id"])["payment_methods"].get(payment_method_id)
    if method is None:
        raise Refused("payment method not found")
    return method


def _check_balance(method: Row, amount: Decimal, refusal: str) -> None:
    if method["source"] == "gift_card" and method["balance"] < amount:
        raise Refused(refusal)


def _charge(user: Row, payment_method_id: str, amount: Decimal) -> None:
    """Book an amount on a gift card at once; other methods are settled elsewhere."""
    method = user["payment_methods"].get(payment_method_id, {})
    if method.get("source") == "gift_card":
        method["balance"] = cents(method["balance"] - amount)


def _entry(kind: str, amount: Decimal | int, payment_method_id: str) -> Row:
    return {"transaction_type": kind, "amount": amount, "payment_method_id": payment_method_id}


def _keep_balance(world: World, user_id: str, user: Row) -> None:
    """Keep the customer record if a gift card was booked."""
    if user != world.find("users", user_id):
        world.put("users", user_id, user)


def _keep(world: World, order: Row) -> Row:
    world.put("orders", order["order_id"], order)
    return order
