"""Functions and reading tools of the example workflows."""

from __future__ import annotations

import time
from typing import Any

from orchestra.errors import Invalid
from orchestra.tools.registry import tool
from orchestra.workflows.functions import function

PRICES = {"tea": 450, "cup": 1_290, "pot": 3_400}


@function("example.total")
def total(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up order lines, in cents."""
    return {"total": sum(line["price"] * line["quantity"] for line in lines), "currency": "EUR"}


@function("example.line")
def line(line: dict[str, Any], index: int, prices: list[dict[str, Any]]) -> dict[str, Any]:
    """One order line with its price."""
    return {"item": line["item"], "quantity": line["quantity"], "price": prices[index]["price"]}


@function("example.echo")
def echo(**values: Any) -> dict[str, Any]:
    """Give back what came in."""
    return values


@function("example.nap")
def nap(seconds: float, **values: Any) -> dict[str, Any]:
    """Take a while: for trying out what happens meanwhile."""
    time.sleep(seconds)
    return {"slept": seconds, **values}


@tool(
    "example.price",
    arguments={
        "type": "object",
        "required": ["item"],
        "additionalProperties": False,
        "properties": {"item": {"type": "string"}},
    },
)
def price(item: str) -> dict[str, Any]:
    """Look up the price of an item, in cents."""
    if item not in PRICES:
        raise Invalid(f"There is no item {item}; there are {', '.join(sorted(PRICES))}.")
    return {"item": item, "price": PRICES[item]}
