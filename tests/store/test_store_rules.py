"""The business rules of the example shop, on its generated data and without a database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from examples.store import arithmetic, exact, generated
from examples.store.dialects import DIALECTS, STRICT, Dialect
from examples.store.operations import OPERATIONS, Memory, Refused, World
from tests.store.shop import BASE, address, order_in

Row = dict[str, Any]
WICK = next(product for product in BASE.products.values() if product["name"] == "Lamp Wick")


def ask(memory: Memory, tool: str, dialect: Dialect = STRICT, **arguments: Any) -> Any:
    """One call in the world of this overlay."""
    return OPERATIONS[tool](World(BASE, memory, dialect), **arguments)


def refusal(memory: Memory, tool: str, dialect: Dialect = STRICT, **arguments: Any) -> str:
    """Why it is refused; it must be, and must change nothing."""
    before = exact.digest(memory.rows)
    with pytest.raises(Refused) as refused:
        ask(memory, tool, dialect, **arguments)
    assert exact.digest(memory.rows) == before
    return str(refused.value)


def customer(order: Row) -> Row:
    """Whose order it is."""
    return BASE.users[order["user_id"]]


def methods(order: Row, source: str) -> list[str]:
    """Ids of the customer's payment methods of that kind."""
    held = customer(order)["payment_methods"].values()
    return [method["id"] for method in held if method["source"] == source]


def with_wicks(status: str, *prices: str) -> tuple[Memory, Row]:
    """A world where an order of a customer with a gift card holds wicks of these prices."""
    memory = Memory()
    order = next(
        order for order in BASE.orders.values() if order["status"] == status and methods(order, "gift_card")
    )
    lines = [
        {"name": "Lamp Wick", "product_id": WICK["product_id"], **wick_of(price), "options": {}}
        for price in prices
    ]
    changed = {**order, "items": lines}
    memory.put("orders", order["order_id"], changed)
    return memory, changed


def wick_of(price: str) -> Row:
    """Item id and price of the wick with that price."""
    return next(
        {"item_id": variant["item_id"], "price": variant["price"]}
        for variant in WICK["variants"].values()
        if variant["price"] == Decimal(price)
    )


def test_the_generated_shop_is_the_same_every_time() -> None:
    assert exact.digest(generated.tables()) == exact.digest(generated.tables())
    assert (len(BASE.users), len(BASE.orders), len(BASE.products)) == (20, 40, 12)
    for order in BASE.orders.values():
        assert order["order_id"] in customer(order)["orders"]
        assert order["payment_history"][0]["amount"] == sum(line["price"] for line in order["items"])


def test_a_customer_is_found_by_mail_and_by_name_and_the_postal_code_of_now() -> None:
    memory = Memory()
    user_id, user = next(iter(BASE.users.items()))
    assert ask(memory, "find_user_id_by_email", email=user["email"].upper()) == user_id
    name = {key: value.upper() for key, value in user["name"].items()}
    assert ask(memory, "find_user_id_by_name_zip", **name, zip=user["address"]["zip"]) == user_id
    ask(memory, "modify_user_address", user_id=user_id, **address(zip="99999"))
    assert ask(memory, "find_user_id_by_name_zip", **name, zip="99999") == user_id
    assert refusal(memory, "find_user_id_by_name_zip", **name, zip=user["address"]["zip"]) == "user not found"


def test_tenths_add_up_exactly() -> None:
    memory, order = with_wicks("pending", "0.10", "0.10")
    card = methods(order, "gift_card")[0]
    before = customer(order)["payment_methods"][card]["balance"]
    changed = ask(
        memory,
        "modify_pending_order_items",
        order_id=order["order_id"],
        item_ids=[wick_of("0.10")["item_id"]] * 2,
        new_item_ids=[wick_of("0.20")["item_id"], wick_of("0.30")["item_id"]],
        payment_method_id=card,
    )
    assert changed["payment_history"][-1]["amount"] == Decimal(
        "0.30"
    )  # in binary fractions 0.30000000000000004
    kept = memory.rows["users"][order["user_id"]]["payment_methods"][card]["balance"]
    assert kept == before - Decimal("0.30")
    assert [line["price"] for line in changed["items"]] == [Decimal("0.20"), Decimal("0.30")]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("1.005 * 100 - 100", "0.5"),
        ("(2 + 3) * -4", "-20.0"),
        ("10 / 3", "3.33"),
        ("100", "100.0"),
        ("3 * 19.99", "59.97"),
    ],
)
def test_sums_are_computed_in_decimals(expression: str, value: str) -> None:
    assert arithmetic.evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "1 / 0", "0 / 0", "2 ** 3", "a", "().x", "9" * 60, "(" * 500, "1" * 2_000, "7 // 2"],
)
def test_what_is_no_sum_is_refused(expression: str) -> None:
    assert refusal(Memory(), "calculate", expression=expression)


def test_a_cancelled_order_refunds_every_payment_and_gift_cards_at_once() -> None:
    memory, order = with_wicks("pending", "0.10", "0.20")
    card = methods(order, "gift_card")[0]
    order |= {
        "payment_history": [
            {"transaction_type": "payment", "amount": Decimal("0.30"), "payment_method_id": card}
        ]
    }
    before = customer(order)["payment_methods"][card]["balance"]
    cancelled = ask(memory, "cancel_pending_order", order_id=order["order_id"], reason="ordered by mistake")
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "ordered by mistake")
    assert cancelled["payment_history"][-1]["transaction_type"] == "refund"
    held = memory.rows["users"][order["user_id"]]["payment_methods"][card]["balance"]
    assert held == before + Decimal("0.30")


def test_a_refund_goes_to_the_first_method_or_a_gift_card() -> None:
    for order in (order for order in BASE.orders.values() if order["status"] == "delivered"):
        call = {"order_id": order["order_id"], "item_ids": [order["items"][0]["item_id"]]}
        paid = order["payment_history"][0]["payment_method_id"]
        for method in [paid, *methods(order, "gift_card")]:
            returned = ask(Memory(), "return_delivered_order_items", **call, payment_method_id=method)
            assert returned["status"] == "return requested"
        said = refusal(Memory(), "return_delivered_order_items", **call, payment_method_id="nobodys")
        assert said == "payment method not found"


def test_an_item_must_be_in_the_order_as_often_as_it_is_named() -> None:
    order = order_in("delivered")
    item = order["items"][0]["item_id"]
    call = {
        "order_id": order["order_id"],
        "payment_method_id": order["payment_history"][0]["payment_method_id"],
    }
    assert (
        refusal(Memory(), "return_delivered_order_items", **call, item_ids=[item] * 2)
        == "some item not found"
    )
    said = refusal(
        Memory(), "exchange_delivered_order_items", **call, item_ids=[item] * 2, new_item_ids=[item] * 2
    )
    assert said == f"{item} not found"


def test_an_exchange_needs_as_many_available_variants_of_the_same_product() -> None:
    memory, order = with_wicks("delivered", "0.10")
    call = {
        "order_id": order["order_id"],
        "item_ids": [wick_of("0.10")["item_id"]],
        "payment_method_id": next(iter(customer(order)["payment_methods"])),
    }
    tool = "exchange_delivered_order_items"
    assert "should match" in refusal(memory, tool, **call, new_item_ids=[])
    other = next(product for product in BASE.products.values() if product is not WICK)
    foreign = next(iter(other["variants"]))
    assert (
        refusal(memory, tool, **call, new_item_ids=[foreign]) == f"new item {foreign} not found or available"
    )
    done = ask(memory, tool, **call, new_item_ids=[wick_of("0.30")["item_id"]])
    assert (done["status"], done["exchange_price_difference"]) == ("exchange requested", Decimal("0.20"))
    assert "non-delivered" in refusal(memory, tool, **call, new_item_ids=[wick_of("0.30")["item_id"]])


def test_a_gift_card_must_cover_what_is_charged_to_it() -> None:
    memory, order = with_wicks("pending", "0.10")
    card = methods(order, "gift_card")[0]
    user = memory.rows["users"][order["user_id"]] = {**customer(order)}
    user["payment_methods"] = {
        **user["payment_methods"],
        card: {"source": "gift_card", "id": card, "balance": 0},
    }
    said = refusal(memory, "modify_pending_order_payment", order_id=order["order_id"], payment_method_id=card)
    assert said == "insufficient gift card balance to pay for the order"


def test_a_payment_moves_once_and_to_another_method() -> None:
    order = next(
        order
        for order in BASE.orders.values()
        if order["status"] == "pending" and methods(order, "gift_card")
    )
    memory, tool = Memory(), "modify_pending_order_payment"
    memory.put("users", order["user_id"], rich(order))
    paid = order["payment_history"][0]["payment_method_id"]
    call = {"order_id": order["order_id"]}
    assert "different" in refusal(memory, tool, **call, payment_method_id=paid)
    moved = ask(memory, tool, **call, payment_method_id=methods(order, "gift_card")[0])
    assert [entry["transaction_type"] for entry in moved["payment_history"]] == [
        "payment",
        "payment",
        "refund",
    ]
    assert "exactly one payment" in refusal(memory, tool, **call, payment_method_id=paid)


def rich(order: Row) -> Row:
    """The customer with a thousand on each gift card."""
    held = customer(order)["payment_methods"]
    filled = {
        key: {**method, "balance": Decimal(1000)} if method["source"] == "gift_card" else method
        for key, method in held.items()
    }
    return {**customer(order), "payment_methods": filled}


def test_only_a_lenient_world_sends_a_modified_order_elsewhere() -> None:
    for name, open_again in (("strict", False), ("lenient", True)):
        dialect = DIALECTS[name]
        memory, order = with_wicks("pending", "0.10")
        change = {
            "order_id": order["order_id"],
            "item_ids": [wick_of("0.10")["item_id"]],
            "new_item_ids": [wick_of("0.20")["item_id"]],
            "payment_method_id": next(iter(customer(order)["payment_methods"])),
        }
        ask(memory, "modify_pending_order_items", dialect, **change)
        elsewhere = {"order_id": order["order_id"], **address()}
        if open_again:
            assert ask(memory, "modify_pending_order_address", dialect, **elsewhere)["status"].startswith(
                "pending"
            )
        else:
            assert "non-pending" in refusal(memory, "modify_pending_order_address", dialect, **elsewhere)
        assert "non-pending" in refusal(
            memory, "cancel_pending_order", dialect, order_id=order["order_id"], reason="no longer needed"
        )


def test_only_a_strict_world_swaps_an_item_for_itself() -> None:
    for name, swaps in (("strict", True), ("lenient", False)):
        memory, order = with_wicks("pending", "0.10")
        same = [wick_of("0.10")["item_id"]]
        call = {
            "order_id": order["order_id"],
            "item_ids": same,
            "new_item_ids": same,
            "payment_method_id": next(iter(customer(order)["payment_methods"])),
        }
        if swaps:
            assert ask(memory, "modify_pending_order_items", DIALECTS[name], **call)
        else:
            assert "different" in refusal(memory, "modify_pending_order_items", DIALECTS[name], **call)


def test_no_call_changes_the_base_data() -> None:
    before = exact.digest({"users": dict(BASE.users), "orders": dict(BASE.orders)})
    memory = Memory()
    for order in BASE.orders.values():
        if order["status"] == "pending":
            ask(memory, "cancel_pending_order", order_id=order["order_id"], reason="no longer needed")
    assert exact.digest({"users": dict(BASE.users), "orders": dict(BASE.orders)}) == before


@pytest.mark.parametrize(
    "text", ["1e999999999", "-1E-99999999", "NaN", "Infinity", "1" * 5_000, "{", "", "[" * 100_000]
)
def test_numbers_and_texts_out_of_proportion_are_no_json(text: str) -> None:
    with pytest.raises(exact.NotPlain):
        exact.read_foreign(text)


def test_numbers_are_written_digit_for_digit() -> None:
    text = '{"a":0.10,"b":[1,-2.50,1234567890123456789.01],"c":null,"d":true}'
    assert exact.write(exact.read(text)) == text
    assert exact.digest({"b": 1, "a": 2}) == exact.digest({"a": 2, "b": 1})
