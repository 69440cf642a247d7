"""A published tool keeps its whole meaning, in canonical bytes, readable again."""

from __future__ import annotations

import json

import pytest

from orchestra.errors import Bug, Invalid
from orchestra.tools import stored
from tests.tools.files import CANCEL, LEAST, READ, tool

FULL = (
    CANCEL
    + """
reverse: {tool: t, with: {order_id: "{{ result.id }}", reason: x}}
preview: {tool: orders.read, with: {id: "{{ observed.order.id }}"}}
redact: ["result.cards[].number"]
identifies: true
"""
)


@pytest.mark.parametrize("spec", [FULL, LEAST, READ])
def test_a_stored_tool_is_read_back_as_it_was_also_from_jsonb_which_orders_keys_anew(spec: str) -> None:
    found = tool(spec)
    kept = json.loads(json.dumps(stored.dump(found), sort_keys=True))
    assert stored.load(kept) == found


def test_every_difference_in_meaning_makes_another_digest() -> None:
    digests = {stored.digest(tool(spec)) for spec in (FULL, CANCEL, LEAST, READ, LEAST + "timeout: 31s\n")}
    assert len(digests) == 5


def test_comments_and_order_make_no_difference() -> None:
    lines = LEAST.strip().splitlines()
    assert stored.digest(tool("\n".join(["# said", *reversed(lines)]))) == stored.digest(tool(LEAST))


def test_a_default_written_out_is_the_same_tool() -> None:
    assert stored.digest(tool(LEAST + "effect: destructive\ntier: 4\n")) == stored.digest(tool(LEAST))


def test_a_newer_format_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="stored in format 2; this version reads format 1: upgrade it"):
        stored.load({"format": 2})


@pytest.mark.parametrize("data", [None, [], {}, {"format": 1}, {"format": "1"}])
def test_what_was_never_stored_is_a_bug(data: object) -> None:
    with pytest.raises(Bug):
        stored.load(data)  # type: ignore[arg-type] # that is the test
