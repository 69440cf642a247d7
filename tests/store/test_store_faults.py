"""Faults of the example shop: ordered by world and call number, and true to what they say."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.store.shop import Shop, cancellation, order_in
from tests.waiting import until

CANCEL = "cancel_pending_order"
READ = {"order_id": order_in("pending")["order_id"]}


def test_an_error_comes_at_its_call_and_only_there(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 2, "kind": "error", "status": 503})
    answers = [shop.call(world, "get_order_details", **READ) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json() == {"error": "503 Service Unavailable"}


def test_a_fault_may_count_the_calls_of_one_tool(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 2, "tool": "get_order_details", "kind": "error"})
    tools = ["get_order_details", "list_all_product_types", "list_all_product_types", "get_order_details"]
    asked = [shop.call(world, tool, **(READ if "order" in tool else {})) for tool in tools]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 503]


def test_a_fault_may_hit_several_calls_and_say_something_of_its_own(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "error", "times": 2, "status": 500, "body": {"oops": 1}})
    answers = [shop.call(world, "get_order_details", **READ) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert answers[0].json() == {"oops": 1}


def test_other_worlds_know_nothing_of_a_fault(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "error"})
    assert shop.call(f"{world}-other", "get_order_details", **READ).status_code == 200


def test_an_error_has_no_effect(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "error"})
    assert shop.call(world, CANCEL, key="k", **cancellation()).status_code == 503
    assert shop.effects(world) == []
    assert shop.call(world, CANCEL, key="k", **cancellation()).status_code == 200


def test_a_busy_shop_says_when_to_come_again(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "busy", "retry_after": 7})
    busy = shop.call(world, CANCEL, **cancellation())
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert shop.effects(world) == []


def test_a_delayed_reply_comes_later(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "delay", "seconds": 0.4})
    began = time.monotonic()
    assert shop.call(world, CANCEL, **cancellation()).status_code == 200
    assert time.monotonic() - began >= 0.4


def test_a_lost_reply_still_has_its_effect_on_the_ledger(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "lost"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        shop.call(world, CANCEL, key="k", **cancellation())
    (effect,) = shop.effects(world)
    assert shop.get(f"/worlds/{world}/effects/k")["seq"] == effect["seq"] == 1
    again = shop.call(world, CANCEL, key="k", **cancellation())
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(shop.effects(world)) == 1


def test_a_lost_reply_ends_no_other_connection(shop: Shop, world: str) -> None:
    shop.faults(f"{world}-slow", {"call": 1, "kind": "delay", "seconds": 1})
    shop.faults(world, {"call": 1, "kind": "lost"})

    def ask_slowly() -> int:
        with httpx.Client(base_url=shop.url, headers=dict(shop.client.headers), timeout=60) as client:
            other = Shop(shop.url, shop.database_url, client)
            return other.call(f"{world}-slow", "get_order_details", **READ).status_code

    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(ask_slowly)
        until(lambda: shop.client.get(f"/worlds/{world}-slow").json()["calls"] == 1, what="the slow call")
        with pytest.raises(httpx.RemoteProtocolError):
            shop.call(world, "get_order_details", **READ)
        assert waits.result() == 200


def test_a_late_effect_comes_after_its_reply_was_lost(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "late", "seconds": 1.0})
    with pytest.raises(httpx.RemoteProtocolError):
        shop.call(world, CANCEL, key="k", **cancellation())
    assert shop.client.get(f"/worlds/{world}/effects/k").status_code == 404
    until(lambda: shop.effects(world), what="the late effect")
    assert shop.get(f"/worlds/{world}/effects/k")["seq"] == 1


def test_a_retry_before_a_late_effect_makes_one_effect_of_both(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "late", "seconds": 0.5})
    with pytest.raises(httpx.RemoteProtocolError):
        shop.call(world, CANCEL, key="k", **cancellation())
    assert shop.call(world, CANCEL, key="k", **cancellation()).status_code == 200
    time.sleep(0.8)  # the late one comes meanwhile and finds the key
    assert len(shop.effects(world)) == 1


def test_faults_come_with_the_world_and_go_when_cleared(shop: Shop, world: str) -> None:
    made = shop.admin("POST", "/worlds", {"id": world, "faults": [{"call": 1, "kind": "error"}]})
    assert made.status_code == 201
    assert [fault["call"] for fault in made.json()["faults"]] == [1]
    assert shop.admin("DELETE", f"/worlds/{world}/faults").json() == {"cleared": 1}
    assert shop.call(world, "get_order_details", **READ).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"call": 0, "kind": "error"},
        {"call": 1, "kind": "explode"},
        {"call": 1, "kind": "error", "status": 200},
        {"call": 1, "kind": "delay", "seconds": 1e9},
        {"call": 1, "tool": "no_such_tool", "kind": "error"},
        {"kind": "error"},
    ],
)
def test_a_fault_that_is_none_is_refused(shop: Shop, world: str, fault: dict[str, object]) -> None:
    refused = shop.admin("POST", f"/worlds/{world}/faults", {"faults": [fault]})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("faults.0")


def test_a_gate_that_observes_a_row_moves_no_call_number(shop: Shop, world: str) -> None:
    shop.faults(world, {"call": 1, "kind": "error"})
    path = f"/worlds/{world}/orders/%23{READ['order_id'][1:]}"
    seen = [shop.client.get(path) for _ in range(2)]
    assert [answer.status_code for answer in seen] == [200, 200]
    assert seen[0].headers["etag"] == seen[1].headers["etag"]
    assert shop.call(world, "get_order_details", **READ).status_code == 503
