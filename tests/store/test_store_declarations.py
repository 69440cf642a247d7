"""The declarations of the store's tools fit the store: same schemas, and real requests that it understands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from examples.store import tools as shop_tools
from orchestra.canonical import Json
from orchestra.contracts import Outcome, Reply, Request, SendFailure
from orchestra.documents.envelopes import envelopes
from orchestra.edge import http
from orchestra.edge.egress import Rules
from orchestra.edge.secrets import Secret
from orchestra.tools import bindings, observing, parse, rendering, replies
from orchestra.tools.bindings import Address, Binding
from orchestra.tools.declarations import Declaration
from orchestra.tools.observing import Wanted
from tests.store.shop import TOKEN, Shop, order_in
from tests.tools.files import STORE

DECLARED = {tool.name: tool for tool in parse.parse((STORE / "tools.yaml").read_text(encoding="utf-8"))}
BINDING = bindings.parse(envelopes((STORE / "bindings.yaml").read_text(encoding="utf-8"))[0])
DESCRIBED: list[dict[str, Any]] = json.loads(shop_tools.FILE.read_bytes())
CANCEL = DECLARED["cancel_pending_order"]


class Caller:
    """Sends what is rendered to a world of the running shop, as a worker would."""

    def __init__(self, shop: Shop, world: str, binding: Binding) -> None:
        port = shop.url.rpartition(":")[2]
        base_url = binding.base_url.replace(":8100", f":{port}")
        self.at: Address = bindings.address(base_url, binding.labels, {"world": world})
        self.rules = Rules(frozenset(entry.replace(":8100", f":{port}") for entry in binding.allow))
        self.secrets = {binding.secret_header: Secret(TOKEN).prefixed(binding.secret_prefix)}

    def send(self, request: Request) -> Reply | SendFailure:
        """The reply to a request."""
        return http.send(request, base_url=self.at.origin, secret_headers=self.secrets, rules=self.rules)

    def call(self, tool: Declaration, arguments: Json, key: str = "") -> replies.Settled:
        """What a call comes to."""
        request = rendering.render(tool, arguments, prefix=self.at.prefix, key=key)
        return replies.outcome(tool, self.send(request))

    def read(self, wanted: Sequence[Wanted]) -> list[Json]:
        """Readings of an observation."""
        return [self._read(DECLARED[one.tool], one.arguments) for one in wanted]

    def _read(self, tool: Declaration, arguments: Json) -> Json:
        return replies.observed(tool, self.send(rendering.render(tool, arguments, prefix=self.at.prefix)))


@pytest.fixture
def caller(shop: Shop, world: str) -> Caller:
    return Caller(shop, world, BINDING)


@pytest.fixture
def pending() -> str:
    """A pending order of the generated shop."""
    return str(order_in("pending")["order_id"])


@pytest.mark.parametrize("described", DESCRIBED, ids=lambda described: described["function"]["name"])
def test_a_tool_is_declared_with_the_arguments_and_the_effect_that_the_store_says(
    described: dict[str, Any],
) -> None:
    function = described["function"]
    tool = DECLARED[function["name"]]
    wanted = function["parameters"]
    assert tool.arguments["properties"] == wanted["properties"]
    assert tool.arguments.get("required", []) == wanted["required"]
    assert tool.arguments["additionalProperties"] is False
    assert (str(tool.effect), tool.hands_off, tool.identifies) == (
        described["effect"],
        described.get("hands_off", False),
        described.get("identifies_user", False),
    )


def test_only_tools_that_observe_or_preview_are_declared_besides() -> None:
    more = set(DECLARED) - {described["function"]["name"] for described in DESCRIBED}
    assert more == {"observe.order", "observe.user", "observe.product", "preview.change"}


def test_a_change_is_observed_made_once_and_found_again_by_its_key(caller: Caller, pending: str) -> None:
    arguments: Json = {"order_id": pending, "reason": "no longer needed"}
    before = observing.observe(CANCEL, arguments, caller.read)
    assert isinstance(before["order"], dict)
    assert before["order"]["status"] == "pending"
    ask = rendering.probe(CANCEL, arguments, key="1:k", prefix=caller.at.prefix)
    assert replies.found(CANCEL, caller.send(ask)) is False
    first, again = caller.call(CANCEL, arguments, "1:k"), caller.call(CANCEL, arguments, "1:k")
    assert (first.outcome, again) == (Outcome.SUCCEEDED, first)
    assert replies.found(CANCEL, caller.send(ask)) is True
    after = observing.observe(CANCEL, arguments, caller.read)
    assert observing.witness(after) != observing.witness(before)


def test_a_refusal_of_the_business_is_a_failure_in_its_own_words(caller: Caller) -> None:
    settled = caller.call(CANCEL, {"order_id": "#W0", "reason": "no longer needed"}, "1:k")
    assert settled == (Outcome.FAILED, {"error": "order not found"}, "409: order not found")


def test_what_is_not_there_is_observed_as_nothing(caller: Caller) -> None:
    arguments: Json = {"order_id": "#W0", "item_ids": [], "new_item_ids": [], "payment_method_id": "x"}
    observed = observing.observe(DECLARED["modify_pending_order_items"], arguments, caller.read)
    assert observed == {"order": None, "user": None, "products": None}


def test_an_order_is_observed_with_its_customer_and_its_products(caller: Caller, pending: str) -> None:
    arguments: Json = {"order_id": pending, "item_ids": [], "new_item_ids": [], "payment_method_id": "x"}
    observed: Any = observing.observe(DECLARED["modify_pending_order_items"], arguments, caller.read)
    assert observed["user"].keys() == {"payment_methods"}
    assert set(observed["products"]) == {line["product_id"] for line in observed["order"]["items"]}
    assert all(product["variants"] for product in observed["products"].values())


def test_an_ordered_429_is_a_clean_failure_and_a_lost_reply_of_a_change_unknown(
    shop: Shop, caller: Caller, world: str, pending: str
) -> None:
    shop.faults(
        world, *({"call": n, "kind": kind} for n, kind in enumerate(("busy", "lost", "error"), start=1))
    )
    arguments: Json = {"order_id": pending, "reason": "no longer needed"}
    outcomes = [caller.call(CANCEL, arguments, "1:k").outcome for _ in range(4)]
    assert outcomes == [Outcome.FAILED_CLEAN, Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.SUCCEEDED]
