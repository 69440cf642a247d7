"""W8: rulings per second of one core, by the example store's policies, with and without the state that tools observe.

Needs no database and no recorded runs: customers, orders and products are the shop's own invented ones.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.store import generated
from orchestra.canonical import Json
from orchestra.contracts import Action, Delivery, Effect, Verdict
from orchestra.policies.document import Document, Rule
from orchestra.policies.judge import judge
from orchestra.policies.parse import parse

POLICIES = Path(__file__).resolve().parent.parent / "examples" / "store" / "policies"
#: Rules for tools that are not called: the index must not look at them.
OTHERS = 1_000
#: How often each tool writes in the recorded runs of real agents.
SHARES = {
    "return_delivered_order_items": 340,
    "modify_pending_order_items": 312,
    "exchange_delivered_order_items": 266,
    "cancel_pending_order": 187,
    "modify_pending_order_address": 135,
    "modify_user_address": 96,
    "modify_pending_order_payment": 20,
}
SWAPS = {"modify_pending_order_items", "exchange_delivered_order_items"}
ADDRESS = {
    "address1": "4 Mill Road",
    "address2": "",
    "city": "Marrowick",
    "state": "QX",
    "country": "Q",
    "zip": "1",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Rulings per second of processor time, so that neighbours do not count; bytes observed on average.

    `per_second` is that of a mix of tools as recorded runs have it.
    """

    per_second: float
    by_tool: dict[str, float]
    observed_bytes: int
    rules: int


def measure(*, seconds: float = 1.0) -> dict[str, Measured]:
    """Both figures. Without observed state only the rules judge that read none; `seconds` for each tool."""
    library = [parse(path.read_text(encoding="utf-8")) for path in sorted(POLICIES.glob("*.yaml"))]
    plain = [_without_observed(document) for document in library]
    calls = [_call(tool) for tool in SHARES]
    return {
        "without observed state": _rates(
            [replace(call, context=_less(call)) for call in calls], plain, seconds
        ),
        "with observed state": _rates(calls, library, seconds),
    }


def _rates(calls: Sequence[Action], documents: Sequence[Document], seconds: float) -> Measured:
    policies = (*documents, _others())
    by_tool = {call.tool: _rate(call, policies, seconds) for call in calls}
    took = sum(SHARES[tool] / rate for tool, rate in by_tool.items())
    seen = [len(json.dumps(call.context.get("observed", {}))) for call in calls]
    rules = sum(len(document.rules) for document in policies)
    return Measured(sum(SHARES.values()) / took, by_tool, sum(seen) // len(seen), rules)


def _rate(call: Action, policies: tuple[Document, ...], seconds: float) -> float:
    found = judge(call, policies)
    if found.errors or found.verdict is not Verdict.REVIEW:
        raise SystemExit(f"{call.tool} should go to a person, but: {found}")
    count, began = 0, time.process_time()
    while (elapsed := time.process_time() - began) < seconds:
        for _ in range(20):
            judge(call, policies)
        count += 20
    return count / elapsed


def _without_observed(document: Document) -> Document:
    return replace(
        document, rules=tuple(rule for rule in document.rules if "observed" not in (rule.when or ""))
    )


def _less(call: Action) -> dict[str, Any]:
    return {name: value for name, value in call.context.items() if name != "observed"}


def _others() -> Document:
    rules = [Rule(f"r{n}", (f"tool{n}",), Verdict.DENY, "no", when="args.n > 1") for n in range(OTHERS)]
    return Document("others", "", tuple(rules), ())


def _call(tool: str) -> Action:
    """A call that every rule is content with, on an order that fits, so that each rule is evaluated to its end."""
    tables: dict[str, Any] = _plain(dict(generated.tables()))
    status = "delivered" if "delivered" in tool else "pending"
    order = max(
        (order for order in tables["orders"].values() if order["status"] == status),
        key=lambda order: len(order["items"]),
    )
    user = tables["users"][order["user_id"]]
    products = {line["product_id"]: tables["products"][line["product_id"]] for line in order["items"]}
    arguments = _arguments(tool, order, user, products)
    observed: dict[str, Json] = {"order": order, "user": user}
    if tool in SWAPS:
        observed["products"] = products
    if tool == "modify_user_address":
        observed = {"user": {"name": user["name"], "address": user["address"]}}
    return Action(
        tool=tool,
        effect=Effect.WRITE if "address" in tool else Effect.DESTRUCTIVE,
        delivery=Delivery.KEY,
        tier=2,
        arguments=arguments,
        context={
            "run": {"id": "r", "identified": [order["user_id"]], "last_message": "Yes, please do that."},
            "provenance": dict.fromkeys(arguments, "tool"),
            "counts": {"of_turn": 1, "same_succeeded": 0},
            "agent": {"name": "shop-agent", "version": 1, "model": "none"},
            "observed": observed,
        },
    )


def _arguments(
    tool: str, order: dict[str, Any], user: dict[str, Any], products: dict[str, Any]
) -> dict[str, Json]:
    if tool == "modify_user_address":
        return {"user_id": order["user_id"], **ADDRESS}
    arguments: dict[str, Json] = {"order_id": order["order_id"]}
    paid = order["payment_history"][0]["payment_method_id"]
    if tool == "cancel_pending_order":
        return arguments | {"reason": "no longer needed"}
    if tool == "modify_pending_order_address":
        return arguments | ADDRESS
    if tool == "modify_pending_order_payment":
        user["payment_methods"]["paypal_1"] = {"source": "paypal", "id": "paypal_1"}
        return arguments | {"payment_method_id": "paypal_1"}
    if tool in SWAPS:
        lines = [(line, _other(line, products)) for line in order["items"]]
        arguments["item_ids"] = [line["item_id"] for line, other in lines if other]
        arguments["new_item_ids"] = [other for _, other in lines if other]
    else:
        arguments["item_ids"] = [line["item_id"] for line in order["items"]]
    return arguments | {"payment_method_id": paid}


def _other(line: dict[str, Any], products: dict[str, Any]) -> str | None:
    """Another variant of the same product that can be had."""
    variants = products[line["product_id"]]["variants"]
    free = (name for name, variant in variants.items() if variant["available"] and name != line["item_id"])
    return next(free, None)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return float(value) if isinstance(value, Decimal) else value
