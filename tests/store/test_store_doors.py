"""Who comes into the example shop, and what it does with requests that make no sense."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import httpx
import pytest

from examples.store import http
from tests.shops import ROOT
from tests.store.shop import ADMIN, TOKEN, Shop, address, cancellation, order_in

CANCEL = "cancel_pending_order"


def every_address(world: str) -> list[tuple[str, str, str]]:
    """Method, address and guard of all routes."""
    return [
        (route.method, route.path.replace("*", world, 1).replace("*", CANCEL, 1), route.guard)
        for route in http.ROUTES
    ]


def test_every_address_asks_for_its_token(shop: Shop, world: str) -> None:
    for method, path, guard in every_address(world):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            answer = httpx.request(method, shop.url + path, headers=headers)
            assert answer.status_code == (200 if guard == "anybody" else 401), (method, path)
    assert shop.client.get(f"/worlds/{world}").status_code == 404, "a stranger made a world"


def test_only_the_admin_token_makes_worlds_and_faults(shop: Shop, world: str) -> None:
    as_caller = shop.client.post("/worlds", json={"id": world})
    assert as_caller.status_code == 401
    wrong = shop.client.post("/worlds", json={"id": world}, headers={"X-Store-Admin-Token": TOKEN})
    assert wrong.status_code == 401
    assert shop.admin("POST", "/worlds", {"id": world}).status_code == 201


def test_a_tool_that_is_unknown_is_not_found(shop: Shop, world: str) -> None:
    answered = shop.call(world, "create_order")
    assert (answered.status_code, answered.json()) == (404, {"error": "Unknown action create_order"})


def test_arguments_that_do_not_fit_are_refused_with_their_place(shop: Shop, world: str) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        (CANCEL, {"order_id": "#W1"}, "reason"),
        (CANCEL, {**cancellation(), "reason": "bored"}, "reason"),
        (CANCEL, {**cancellation(), "order_id": 5}, "order_id"),
        ("get_user_details", {"email": "x@example.com"}, "email"),
        (
            "return_delivered_order_items",
            {"order_id": "#W1", "item_ids": "[1]", "payment_method_id": "p"},
            "item",
        ),
    ]
    for tool, arguments, place in cases:
        refused = shop.call(world, tool, **arguments)
        assert refused.status_code == 422
        assert place in refused.json()["error"]
    assert shop.effects(world) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"order_id": NaN}',
        b'{"order_id": 1e999999999}',
        b'{"order_id": "\\u0000", "reason": "no longer needed"}',
        b'{"order_id": "\\ud800", "reason": "no longer needed"}',
        b'{"order_id": ' + b"[" * 100_000,
        b'{"order_id": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"order_id": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe",
    ],
)
def test_a_body_that_makes_no_sense_is_refused(shop: Shop, world: str, body: bytes) -> None:
    refused = shop.send(world, CANCEL, body)
    assert refused.status_code == 422, refused.text
    assert "error" in refused.json()


def test_a_body_that_is_too_large_is_refused(shop: Shop, world: str) -> None:
    assert shop.send(world, "think", b'{"thought": "' + b"x" * http.LARGEST_BODY + b'"}').status_code == 413


@pytest.mark.parametrize("key", ["x" * 201, "two words"])
def test_a_key_that_is_none_is_refused(shop: Shop, world: str, key: str) -> None:
    assert shop.call(world, CANCEL, key=key, **cancellation()).status_code == 422
    assert shop.effects(world) == []


@pytest.mark.parametrize("name", ["a%2Fb", "a b", "..", "%00", "x" * 101, "-x"])
def test_a_world_with_a_bad_id_is_refused(shop: Shop, name: str) -> None:
    assert shop.call(name, CANCEL, **cancellation()).status_code in (404, 409)


def test_other_methods_and_addresses_are_told_so(shop: Shop, world: str) -> None:
    wrong = shop.client.get(f"/worlds/{world}/tools/{CANCEL}")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert shop.client.get("/nothing/here").status_code == 404


def test_a_world_keeps_its_dialect(shop: Shop, world: str) -> None:
    made = shop.admin("POST", "/worlds", {"id": world, "dialect": "lenient"})
    assert (made.status_code, made.json()["dialect"]) == (201, "lenient")
    assert shop.admin("POST", "/worlds", {"id": world, "dialect": "lenient"}).status_code == 200
    assert shop.admin("POST", "/worlds", {"id": world, "dialect": "strict"}).status_code == 409
    assert shop.admin("POST", "/worlds", {"id": f"{world}-x", "dialect": "rude"}).status_code == 422


def test_calls_are_counted_by_world_and_tool(shop: Shop, world: str) -> None:
    shop.call(world, "list_all_product_types")
    for _ in range(2):
        shop.call(world, CANCEL, **cancellation())
    shop.call(world, CANCEL)  # no arguments: that is no call
    found = shop.get(f"/worlds/{world}")
    assert (found["calls"], found["effects"]) == (3, 1)
    assert found["calls_by_tool"] == {"list_all_product_types": 1, CANCEL: 2}


def test_the_page_of_the_ledger_escapes_what_it_shows(shop: Shop, world: str) -> None:
    shop.call(world, CANCEL, key="<script>alert(1)</script>", **cancellation())
    page = httpx.get(f"{shop.url}/ledger", headers={"Accept": "text/html"}, params={"world": world})
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    asked = httpx.get(f"{shop.url}/ledger", headers={"Accept": "text/html"}, params={"world": '"><b>x'})
    assert "<b>x" not in asked.text
    assert "light-dark(" in httpx.get(f"{shop.url}/ledger.css").text


def test_the_tools_are_told_to_anybody(shop: Shop) -> None:
    described = httpx.get(f"{shop.url}/tools").json()
    assert len(described) == 17
    assert sum(tool["effect"] == "read" for tool in described) == 10


def test_an_observed_row_has_a_tag_that_changes_with_it(shop: Shop, world: str) -> None:
    order = order_in("pending")
    path = f"/worlds/{world}/orders/%23{order['order_id'][1:]}"
    before = shop.client.get(path).headers["etag"]
    shop.call(world, "modify_pending_order_address", order_id=order["order_id"], **address())
    after = shop.client.get(path)
    assert after.headers["etag"] != before
    assert after.json()["address"]["address1"] == "1 New Road"
    assert shop.client.get(f"/worlds/{world}/orders/none").status_code == 409


def test_it_does_not_start_half_set_up() -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STORE_")}
    variables |= {"STORE_DATABASE_URL": "postgresql://127.0.0.1:1/x", "STORE_ADMIN_TOKEN": ADMIN}
    command = [sys.executable, "-m", "examples.store", "--port", "1"]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "STORE_TOKEN is not set" in ended.stderr
