"""Small tool files for tests, and what is said of the wrong ones."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from orchestra.contracts import Effect
from orchestra.documents.envelopes import envelopes
from orchestra.errors import Invalid
from orchestra.tools import parse
from orchestra.tools.declarations import Declaration

STORE = Path(__file__).parents[2] / "examples" / "store"
HEAD = "kind: tool\nname: t\nspec:\n"
SIZE = HEAD.count("\n")
KNOWN = {"t": Effect.DESTRUCTIVE, "orders.read": Effect.READ, "orders.cancel": Effect.DESTRUCTIVE}

#: A tool that cancels, with everything declared that has a default.
CANCEL = """
description: Cancels an order.
effect: destructive
delivery: key
sentence: "Cancel order {order_id}: {reason}"
arguments:
  type: object
  additionalProperties: false
  required: [order_id, reason]
  properties: {order_id: {type: string}, reason: {type: string}, note: {type: string}}
request: {method: POST, path: "/tools/cancel/{order_id}"}
key: {header: Idempotency-Key, life: 24h}
lookup: {path: "/effects/{key}"}
replies: {"409": failed, "429": failed_clean}
observe:
  - {name: order, tool: orders.read, with: {order_id: "{{ args.order_id }}"}}
object: "{{ args.order_id }}"
"""

#: The least that can be said of a tool.
LEAST = """
description: Does something.
sentence: Do it.
arguments: {type: object}
request: {method: POST, path: /do}
"""

READ = """
description: Reads an order.
effect: read
arguments: {type: object, required: [id], properties: {id: {type: string}, deep: {type: boolean}}}
request: {method: GET, path: "/orders/{id}", query: {deep: "{{ args.deep }}"}}
"""


def file(spec: str, *, name: str = "t") -> str:
    """A file with one tool: its spec begins in line 4."""
    return HEAD.replace("name: t", f"name: {name}") + textwrap.indent(
        textwrap.dedent(spec).strip("\n") + "\n", "  "
    )


def tool(spec: str, *, name: str = "t") -> Declaration:
    """A declaration."""
    (found,) = envelopes(file(spec, name=name))
    return parse.tool(found, known=KNOWN)


def wrong(spec: str) -> list[str]:
    """Everything that is wrong with a tool, lines counted from the first line of its spec."""
    with pytest.raises(Invalid) as caught:
        tool(spec)
    assert all(problem.line for problem in caught.value.problems)
    return [f"{(problem.line or 0) - SIZE}: {problem.message}" for problem in caught.value.problems]
