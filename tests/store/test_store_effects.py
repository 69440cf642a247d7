"""Writes of the example shop: once for a key, on the ledger, in one world only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from examples.store import exact
from orchestra.local.postgres import Postgres
from orchestra.local.processes import Running
from tests.store.shop import Shop, address, cancellation, order_in
from tests.waiting import until

CANCEL = "cancel_pending_order"


def test_a_write_changes_its_order_and_leaves_one_line_on_the_ledger(shop: Shop, world: str) -> None:
    arguments = cancellation()
    answered = shop.call(world, CANCEL, **arguments)
    assert answered.status_code == 200
    assert answered.json()["status"] == "cancelled"
    (effect,) = shop.effects(world)
    assert (effect["seq"], effect["tool"], effect["key"]) == (1, CANCEL, None)
    assert effect["arguments_digest"] == exact.digest(arguments)
    assert effect["result_digest"] == exact.digest(exact.read(answered.text))
    assert f"orders/{arguments['order_id']}" in effect["object"]


def test_a_refused_write_says_why_and_leaves_no_line(shop: Shop, world: str) -> None:
    order_id = order_in("delivered")["order_id"]
    answered = shop.call(world, CANCEL, key="k1", order_id=order_id, reason="no longer needed")
    assert answered.status_code == 409
    assert answered.json() == {"error": "non-pending order cannot be cancelled"}
    assert shop.effects(world) == []
    assert shop.get(f"/worlds/{world}/state") == {"users": {}, "orders": {}, "products": {}}


def test_worlds_do_not_see_each_others_changes(shop: Shop, world: str) -> None:
    arguments = cancellation()
    shop.call(f"{world}-a", CANCEL, **arguments)
    seen = [
        shop.call(f"{world}-{name}", "get_order_details", order_id=arguments["order_id"]).json()["status"]
        for name in "ab"
    ]
    assert seen == ["cancelled", "pending"]
    assert shop.effects(f"{world}-b") == []


def test_a_world_stores_only_the_rows_that_it_changed(shop: Shop, world: str) -> None:
    order = order_in("pending", 1)
    shop.call(world, "modify_pending_order_address", order_id=order["order_id"], **address())
    state = shop.get(f"/worlds/{world}/state")
    assert list(state["orders"]) == [order["order_id"]]
    assert (state["users"], state["products"]) == ({}, {})


def test_the_world_never_comes_from_the_arguments(shop: Shop, world: str) -> None:
    answered = shop.send(world, CANCEL, exact.write({**cancellation(), "world": "other"}))
    assert answered.status_code == 422
    assert shop.effects(world) == []


def test_the_same_key_and_request_give_the_saved_reply_without_a_second_effect(
    shop: Shop, world: str
) -> None:
    first = shop.call(world, CANCEL, key="once", **cancellation())
    again = shop.call(world, CANCEL, key="once", **cancellation())
    assert (first.status_code, first.text) == (again.status_code, again.text)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(shop.effects(world)) == 1


def test_without_a_key_the_second_request_is_a_second_call(shop: Shop, world: str) -> None:
    shop.call(world, CANCEL, **cancellation())
    assert shop.call(world, CANCEL, **cancellation()).status_code == 409


def test_a_key_with_another_request_is_refused(shop: Shop, world: str) -> None:
    shop.call(world, CANCEL, key="mine", **cancellation(0))
    other = shop.call(world, CANCEL, key="mine", **cancellation(1))
    assert other.status_code == 422
    assert "another request" in other.json()["error"]
    assert len(shop.effects(world)) == 1


def test_a_refusal_is_saved_under_its_key_too(shop: Shop, world: str) -> None:
    arguments = {"order_id": "#W0", "reason": "no longer needed"}
    first = shop.call(world, CANCEL, key="bad", **arguments)
    again = shop.call(world, CANCEL, key="bad", **arguments)
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.headers["idempotent-replayed"] == "true"


def test_a_key_may_serve_in_two_worlds(shop: Shop, world: str) -> None:
    for name in "ab":
        assert shop.call(f"{world}-{name}", CANCEL, key="k", **cancellation()).status_code == 200
        assert len(shop.effects(f"{world}-{name}")) == 1


def test_two_requests_with_one_key_at_once_give_one_effect(shop: Shop, world: str) -> None:
    together = 8
    barrier = threading.Barrier(together)

    def ask(_: int) -> httpx.Response:
        with httpx.Client(base_url=shop.url, headers=dict(shop.client.headers), timeout=60) as client:
            barrier.wait()
            return Shop(shop.url, shop.database_url, client).call(world, CANCEL, key="k", **cancellation())

    with ThreadPoolExecutor(together) as threads:
        answers = list(threads.map(ask, range(together)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(shop.effects(world)) == 1


def test_two_writes_at_once_on_one_order_give_one_effect(shop: Shop, world: str) -> None:
    def ask(_: int) -> int:
        with httpx.Client(base_url=shop.url, headers=dict(shop.client.headers), timeout=60) as client:
            return Shop(shop.url, shop.database_url, client).call(world, CANCEL, **cancellation()).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(ask, range(4))) == [200, 409, 409, 409]
    assert len(shop.effects(world)) == 1


def test_an_effect_is_found_by_its_key_with_its_reply(shop: Shop, world: str) -> None:
    answered = shop.call(world, CANCEL, key="find-me", **cancellation())
    found = shop.get(f"/worlds/{world}/effects/find-me")
    assert (found["key"], found["seq"], found["tool"]) == ("find-me", 1, CANCEL)
    assert found["reply"] == {"status": 200, "body": exact.read(answered.text)}


def test_no_effect_under_a_key_is_not_found_and_a_refusal_is_told(shop: Shop, world: str) -> None:
    unknown = shop.client.get(f"/worlds/{world}/effects/never")
    assert (unknown.status_code, unknown.json()["refused"]) == (404, None)
    shop.call(world, CANCEL, key="no", order_id="#W0", reason="no longer needed")
    refused = shop.client.get(f"/worlds/{world}/effects/no")
    assert (refused.status_code, refused.json()["refused"]) == (404, "order not found")


def test_a_key_is_forgotten_after_its_life(
    start_shop: Callable[..., tuple[Running, Shop]], world: str
) -> None:
    _, shop = start_shop(STORE_KEY_LIFE="0.001")
    arguments = {"order_id": order_in("pending")["order_id"], **address()}
    for _ in range(2):
        assert shop.call(world, "modify_pending_order_address", key="k", **arguments).status_code == 200
    assert [effect["seq"] for effect in shop.effects(world)] == [1, 2]
    assert shop.get(f"/worlds/{world}/effects/k")["seq"] == 2


@pytest.mark.parametrize(
    "breach", ["UPDATE store.ledger SET tool = 'x'", "DELETE FROM store.ledger", "TRUNCATE store.ledger"]
)
def test_the_ledger_only_grows(shop: Shop, world: str, breach: str) -> None:
    shop.call(world, CANCEL, **cancellation())
    with (
        psycopg.connect(shop.database_url) as session,
        pytest.raises(psycopg.errors.RaiseException, match="only grows"),
    ):
        session.execute(breach.encode())


def test_the_ledger_is_read_page_by_page(shop: Shop, world: str) -> None:
    for place in range(5):
        shop.call(world, CANCEL, **cancellation(place))
    pages: list[list[int]] = []
    after: int | None = 0
    while after is not None:
        page = shop.get("/ledger", world=world, after=after, limit=2)
        pages.append([effect["seq"] for effect in page["effects"]])
        after = page["next"]
    assert pages == [[1, 2], [3, 4], [5]]


def test_money_is_exact_to_the_cent(shop: Shop, world: str) -> None:
    answered = shop.call(world, "calculate", expression="0.1 + 0.2")
    assert answered.json() == "0.3"
    order = order_in("pending")
    paid = exact.read(shop.call(world, CANCEL, **cancellation()).text)["payment_history"]
    assert [entry["amount"] for entry in paid] == [order["payment_history"][0]["amount"]] * 2


def test_a_second_start_finds_the_worlds(start_shop: Callable[..., tuple[Running, Shop]], world: str) -> None:
    process, before = start_shop()
    before.call(world, CANCEL, key="k", **cancellation())
    process.stop()
    _, after = start_shop()
    again = after.call(world, CANCEL, key="k", **cancellation())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(after.effects(world)) == 1


def test_many_worlds_are_cheap(shop: Shop, world: str) -> None:
    for number in range(60):
        shop.call(f"{world}-{number}", "get_order_details", order_id=order_in("pending")["order_id"])
    with psycopg.connect(shop.database_url) as session:
        rows: Any = session.execute(
            "SELECT count(*) FROM store.changed WHERE world LIKE %s", [f"{world}-%"]
        ).fetchone()
    assert rows[0] == 0


def test_the_shop_comes_back_with_its_database(shop: Shop, world: str, postgres: Postgres) -> None:
    shop.call(world, CANCEL, key="k", **cancellation())
    postgres.stop()
    away = shop.call(world, CANCEL, key="k", **cancellation())
    assert (away.status_code, "error" in away.json()) == (503, True)
    postgres.revive()
    until(lambda: shop.client.get("/healthz").status_code == 200, what="the shop with its database")
    again = shop.call(world, CANCEL, key="k", **cancellation())
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(shop.effects(world)) == 1


def test_two_late_calls_with_one_key_give_one_effect(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "late", "seconds": 0.3, "times": 2})
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            shop.call(
                world,
                "modify_pending_order_address",
                key="k",
                order_id=order_in("pending")["order_id"],
                **address(),
            )
    until(lambda: shop.effects(world), what="the late effect")
    shop.call(
        world, "modify_pending_order_address", key="k", order_id=order_in("pending")["order_id"], **address()
    )
    assert len(shop.effects(world)) == 1
