"""What the page about tools shows is what the code reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestra.agents import identities
from orchestra.canonical import Json
from orchestra.documents.envelopes import Envelope, envelopes
from orchestra.tools import bindings, parse, rendering, schema

PAGE = (Path(__file__).parents[2] / "docs" / "connect-a-tool.md").read_text(encoding="utf-8")


def example() -> list[Envelope]:
    """The documents of the complete example."""
    found = re.search(r"```yaml\n(kind: tool.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return envelopes(found[1])


def rows(heading: str) -> set[str]:
    """The names in the first column of the first table below a heading."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = part.split("|---|---|---|\n")[1].split("\n\n")[0].splitlines()
    return {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def fields(of: dict[str, Any]) -> set[str]:
    """The fields of the spec of a schema."""
    return set(of["properties"]["spec"]["properties"])


def test_the_complete_example_is_read() -> None:
    found = example()
    known = parse.effects(found)
    tools = {one.name: parse.tool(one, known=known) for one in found if one.kind == "tool"}
    arguments: Json = {"order_id": "7", "amount": "5.00 EUR", "reason": "It came broken."}
    assert (
        rendering.sentence(tools["orders.refund"], arguments)
        == "Refund “5.00 EUR” for order 7: “It came broken.”"
    )
    assert (
        rendering.render(tools["orders.refund"], arguments).body
        == b'{"amount":"5.00 EUR","reason":"It came broken."}'
    )
    assert bindings.parse(found[2]).tools == ("orders.*",)
    assert identities.parse(found[3]).grants == ("orders.*",)


@pytest.mark.parametrize(("heading", "of"), [("A tool", schema.tool()), ("A binding", schema.binding())])
def test_every_field_is_on_the_page_and_no_other(heading: str, of: dict[str, Any]) -> None:
    assert rows(heading) == fields(of)


def test_every_field_of_an_agent_is_on_the_page_and_no_other() -> None:
    assert rows("An agent") == set(identities.SPEC["properties"])
