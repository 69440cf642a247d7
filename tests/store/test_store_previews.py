"""What the shop says beforehand is what happens afterwards, and saying it changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from examples.store import exact
from tests.store.shop import BASE, Shop, address, cancellation, order_in

MOVE = {"order_id": order_in("pending")["order_id"], **address()}
BACK = order_in("delivered")
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("cancel_pending_order", cancellation()),
    ("modify_pending_order_address", MOVE),
    ("modify_user_address", {"user_id": next(iter(BASE.users)), **address()}),
    (
        "return_delivered_order_items",
        {
            "order_id": BACK["order_id"],
            "item_ids": [BACK["items"][0]["item_id"]],
            "payment_method_id": BACK["payment_history"][0]["payment_method_id"],
        },
    ),
]


def ask(shop: Shop, world: str, tool: str, arguments: object) -> Any:
    """The preview of a change."""
    answer = shop.client.post(
        f"/worlds/{world}/previews/{tool}", content=exact.write({"arguments": arguments})
    )
    assert answer.status_code == 200, answer.text
    return exact.read(answer.text)


@pytest.mark.parametrize(("tool", "arguments"), CHANGES, ids=[tool for tool, _ in CHANGES])
def test_preview_tells_the_fields_before_and_after_and_changes_nothing(
    shop: Shop, world: str, tool: str, arguments: dict[str, Any]
) -> None:
    told = ask(shop, world, tool, arguments)
    assert (shop.effects(world), ask(shop, world, tool, arguments)) == ([], told)
    assert shop.call(world, tool, **arguments).status_code == 200
    state = shop.get(f"/worlds/{world}/state")
    assert told["count"] == len(told["updates"]) == sum(map(len, state.values()))
    for update in told["updates"]:
        kind, _, key = update["object"].partition("/")
        base, now = BASE.row(kind, key), state[kind][key]
        assert base is not None
        assert {name: now[name] for name in now if now[name] != base.get(name)} == update["after"]
        assert {name: base[name] for name in update["after"] if name in base} == update["before"]


def test_preview_of_a_cancellation_tells_every_refund(shop: Shop, world: str) -> None:
    told = ask(shop, world, "cancel_pending_order", cancellation())
    paid = order_in("pending")["payment_history"]
    assert [(each["kind"], each["amount"]) for each in told["money"]] == [
        ("refund", each["amount"]) for each in paid
    ]


def test_preview_of_what_the_shop_would_refuse_says_why(shop: Shop, world: str) -> None:
    shop.call(world, "cancel_pending_order", **cancellation())
    told = ask(shop, world, "cancel_pending_order", cancellation())
    assert (told["count"], told["refused"]) == (0, "non-pending order cannot be cancelled")


@pytest.mark.parametrize(
    ("tool", "body", "status"),
    [
        ("get_order_details", {"arguments": {}}, 422),
        ("no_such_tool", {"arguments": {}}, 404),
        ("cancel_pending_order", {"arguments": {"order_id": 5}}, 422),
        ("cancel_pending_order", [], 422),
        ("cancel_pending_order", {"arguments": {}, "more": 1}, 422),
    ],
)
def test_preview_of_what_is_no_change_is_refused(
    shop: Shop, world: str, tool: str, body: object, status: int
) -> None:
    answer = shop.client.post(f"/worlds/{world}/previews/{tool}", content=exact.write(body))
    assert answer.status_code == status


def test_preview_moves_no_call_number_and_meets_no_fault(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "error"})
    assert ask(shop, world, "cancel_pending_order", cancellation())["count"] >= 1
    assert shop.call(world, "cancel_pending_order", **cancellation()).status_code == 503
