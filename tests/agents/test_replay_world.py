"""The independent shop: what takes effect, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from reviews.replay.differences import compare, digest, state
from reviews.replay.world import Call, Refused, Shop, World, replay
from tests.agents.talks import ORDER as BASE

HOME = {"address1": "1 A St", "address2": "", "city": "B", "country": "USA", "state": "NY", "zip": "10000"}
AWAY = HOME | {"address1": "2 C St", "zip": "20000"}
CARD, GIFT, PAYPAL = "credit_card_1", "gift_card_1", "paypal_1"


def variant(item: str, price: str, *, available: bool = True) -> dict[str, Any]:
    return {"item_id": item, "options": {"size": item}, "available": available, "price": Decimal(price)}


def line(item: str, product: str, price: str) -> dict[str, Any]:
    sold = {"item_id": item, "options": {"size": item}, "price": Decimal(price)}
    return {"name": "Lamp", "product_id": product, **sold}


def order(order_id: str, status: str, *, paid: str = CARD) -> dict[str, Any]:
    lines = [line("i1", "p1", "10.10"), line("i1", "p1", "10.10"), line("i5", "p2", "5.00")]
    payment = {"transaction_type": "payment", "amount": Decimal("25.20"), "payment_method_id": paid}
    changing = {"address": HOME, "items": lines, "payment_history": [payment]}
    return BASE | {"order_id": order_id, "status": status, **deepcopy(changing)}


SHOP = Shop(
    orders={
        "#P": order("#P", "pending"),
        "#G": order("#G", "pending", paid=GIFT),
        "#D": order("#D", "delivered"),
    },
    users={
        "ada_low_1": {
            "address": HOME,
            "payment_methods": {
                CARD: {"source": "credit_card", "id": CARD},
                GIFT: {"source": "gift_card", "id": GIFT, "balance": Decimal("30.00")},
                PAYPAL: {"source": "paypal", "id": PAYPAL},
            },
        }
    },
    variants={
        "i1": ("p1", variant("i1", "10.10")),
        "i2": ("p1", variant("i2", "30.00")),
        "i3": ("p1", variant("i3", "90.00")),
        "i4": ("p1", variant("i4", "1.00", available=False)),
        "i5": ("p2", variant("i5", "5.00")),
    },
)


def call(tool: str, order_id: str, **more: Any) -> Call:
    return Call(tool, {"order_id": order_id, **more})


def swap(tool: str, order_id: str, old: list[str], new: list[str], method: str = CARD) -> Call:
    return call(tool, order_id, item_ids=old, new_item_ids=new, payment_method_id=method)


def after(*calls: Call, lenient: bool = False) -> World:
    done = replay(SHOP, calls, lenient=lenient)
    assert set(done.outcomes) <= {None}
    return done.world


def balance(world: World) -> Decimal:
    methods: Mapping[str, Any] = world.user("ada_low_1")["payment_methods"]
    amount: Decimal = methods[GIFT]["balance"]
    return amount


CANCEL = call("cancel_pending_order", "#P", reason="no longer needed")
MODIFY = swap("modify_pending_order_items", "#P", ["i1"], ["i2"])
MOVE = call("modify_pending_order_address", "#P", **AWAY)


def test_cancelling_refunds_every_payment_and_a_gift_card_at_once() -> None:
    world = after(call("cancel_pending_order", "#G", reason="ordered by mistake"))
    cancelled = world.order("#G")
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "ordered by mistake")
    assert [past["transaction_type"] for past in cancelled["payment_history"]] == ["payment", "refund"]
    assert balance(world) == Decimal("55.20")


def test_returning_names_items_and_method() -> None:
    world = after(
        call("return_delivered_order_items", "#D", item_ids=["i1", "i1"], payment_method_id=GIFT),
    )
    returned = world.order("#D")
    assert returned["status"] == "return requested"
    assert (returned["return_items"], returned["return_payment_method_id"]) == (["i1", "i1"], GIFT)


def test_exchanging_books_nothing_yet() -> None:
    world = after(swap("exchange_delivered_order_items", "#D", ["i1"], ["i2"], GIFT))
    exchanged = world.order("#D")
    assert exchanged["exchange_price_difference"] == Decimal("19.90")
    assert (len(exchanged["payment_history"]), balance(world)) == (1, Decimal("30.00"))


def test_modifying_items_swaps_lines_and_books_the_difference() -> None:
    changed = after(MODIFY).order("#P")
    assert sorted(item["item_id"] for item in changed["items"]) == ["i1", "i2", "i5"]
    assert changed["status"] == "pending (item modified)"
    booked = {"transaction_type": "payment", "amount": Decimal("19.90"), "payment_method_id": CARD}
    assert changed["payment_history"][-1] == booked


def test_a_payment_moves_to_a_gift_card_that_covers_it() -> None:
    world = after(call("modify_pending_order_payment", "#P", payment_method_id=GIFT))
    assert balance(world) == Decimal("4.80")
    methods = [past["payment_method_id"] for past in world.order("#P")["payment_history"]]
    assert methods == [CARD, GIFT, CARD]


def test_addresses_of_orders_and_customers_change() -> None:
    world = after(MOVE, Call("modify_user_address", {"user_id": "ada_low_1", **AWAY}))
    assert world.order("#P")["address"] == world.user("ada_low_1")["address"] == AWAY


@pytest.mark.parametrize(
    "refused",
    [
        call("cancel_pending_order", "#D", reason="no longer needed"),
        call("cancel_pending_order", "#P", reason="bored"),
        call("cancel_pending_order", "#X", reason="no longer needed"),
        call("cancel_pending_order", "#P"),
        call("cancel_pending_order", "#P", reason="no longer needed", force="yes"),
        call("return_delivered_order_items", "#P", item_ids=["i1"], payment_method_id=CARD),
        call("return_delivered_order_items", "#D", item_ids=["i1"], payment_method_id=PAYPAL),
        call("return_delivered_order_items", "#D", item_ids=["i1"] * 3, payment_method_id=CARD),
        call("return_delivered_order_items", "#D", item_ids="i1", payment_method_id=CARD),
        call("return_delivered_order_items", "#D", item_ids=[1], payment_method_id=CARD),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i4"]),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i5"]),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i9"]),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i2", "i2"]),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i3"], GIFT),
        swap("exchange_delivered_order_items", "#D", ["i1"], ["i2"], "paypal_9"),
        swap("exchange_delivered_order_items", "#P", ["i1"], ["i2"]),
        swap("modify_pending_order_items", "#P", ["i1"], ["i3"], GIFT),
        call("modify_pending_order_payment", "#P", payment_method_id=CARD),
        call("modify_pending_order_payment", "#D", payment_method_id=GIFT),
        call("modify_pending_order_address", "#D", **AWAY),
        Call("modify_user_address", {"user_id": "nobody", **AWAY}),
        Call("get_order_details", {"order_id": "#P"}),
    ],
)
def test_a_refusal_leaves_nothing_behind(refused: Call) -> None:
    world = World(SHOP)
    with pytest.raises(Refused):
        world.apply(refused)
    assert compare(World(SHOP), world) == []
    assert digest(world) == digest(World(SHOP))


def test_a_payment_changes_only_once() -> None:
    once = call("modify_pending_order_payment", "#P", payment_method_id=PAYPAL)
    back = call("modify_pending_order_payment", "#P", payment_method_id=CARD)
    assert replay(SHOP, [once, back], lenient=True).outcomes[0] is None
    assert "exactly one payment" in str(replay(SHOP, [once, back], lenient=True).outcomes[1])


def test_after_an_item_change_only_the_lenient_shop_changes_the_address() -> None:
    assert replay(SHOP, [MODIFY, MOVE], lenient=True).outcomes == (None, None)
    assert replay(SHOP, [MODIFY, MOVE], lenient=False).outcomes[1] is not None
    assert replay(SHOP, [MODIFY, CANCEL], lenient=True).outcomes[1] is not None


def test_only_the_lenient_shop_minds_an_item_swapped_for_itself() -> None:
    same = swap("modify_pending_order_items", "#P", ["i1", "i5"], ["i2", "i5"])
    assert replay(SHOP, [same], lenient=False).outcomes == (None,)
    assert replay(SHOP, [same], lenient=True).outcomes == ("an item is not swapped for itself",)


def test_the_shop_at_the_start_is_never_changed() -> None:
    before = deepcopy(SHOP)
    after(CANCEL, swap("exchange_delivered_order_items", "#D", ["i1"], ["i2"]))
    assert before == SHOP


def test_lists_have_no_order_and_amounts_no_form() -> None:
    world = after(MODIFY)
    dumped = deepcopy(state(world))
    theirs = dumped["orders"]["#P"]
    theirs["items"] = theirs["items"][::-1]
    theirs["payment_history"][-1]["amount"] = "19.9"
    theirs["items"][0]["price"] = float(theirs["items"][0]["price"])
    theirs["items"][0]["note"] = theirs["cancel_reason"] = None
    assert compare(world, dumped) == []


def test_a_difference_is_told_with_its_place() -> None:
    world = after(CANCEL)
    (told,) = [line for line in compare(World(SHOP), world) if "status" in line]
    assert told == 'order #P: status: expected "pending", found "cancelled"'
    moved = compare(World(SHOP), {"users": {"ada_low_1": {**SHOP.users["ada_low_1"], "address": AWAY}}})
    assert moved[0] == 'user ada_low_1: address.address1: expected "1 A St", found "2 C St"'
    assert compare(world, World(SHOP)) != []


def test_a_missing_and_an_added_list_entry_are_both_told() -> None:
    mine, theirs = after(MODIFY), after(swap("modify_pending_order_items", "#P", ["i1"], ["i3"]))
    told = compare(mine, theirs)
    assert any("items: expected" in line and '"i2"' in line for line in told)
    assert any("items: unexpected" in line and '"i3"' in line for line in told)


def test_equal_worlds_have_equal_digests_whatever_was_touched() -> None:
    touched = World(SHOP)
    touched.order("#D")
    assert digest(touched) == digest(World(SHOP))
    assert digest(after(CANCEL)) != digest(World(SHOP))
    assert digest(after(CANCEL, MOVE_USER)) == digest(after(MOVE_USER, CANCEL))


MOVE_USER = Call("modify_user_address", {"user_id": "ada_low_1", **AWAY})
