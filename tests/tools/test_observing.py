"""What a tool observes is read in the order of its declaration, and what hangs on nothing is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orchestra.canonical import Json
from orchestra.errors import Invalid, Unavailable
from orchestra.tools import observing
from orchestra.tools.observing import Wanted
from tests.tools.files import LEAST, tool

READS: dict[str, Any] = {
    "#W1": {"user": "u1", "items": [{"p": "7"}, {"p": "8"}, {"p": "7"}], "note": "x"},
    "u1": {"name": "Ann", "cards": ["c1"]},
    "7": {"price": 1},
    "8": {"price": 2},
}
SPEC = (
    LEAST.replace("{type: object}", "{type: object, properties: {id: {}}}")
    + """
observe:
  - {name: order, tool: orders.read, with: {id: "{{ args.id }}"}}
  - {name: user, tool: orders.read, with: {id: "{{ observed.order.user }}"}, only: [cards]}
  - {name: lines, tool: orders.read, each: "{{ observed.order.items }}", with: {id: "{{ item.p }}"}}
  - name: products
    tool: orders.read
    each: "{{ observed.order.items }}"
    by: "{{ item.p }}"
    with: {id: "{{ item.p }}"}
"""
)


class Reader:
    """Reads from a table and keeps what it was asked."""

    def __init__(self, table: dict[str, Any] | None = None) -> None:
        self.table = READS if table is None else table
        self.asked: list[list[str]] = []

    def __call__(self, wanted: Sequence[Wanted]) -> list[Json]:
        self.asked.append([str(one.arguments["id"]) for one in wanted if isinstance(one.arguments, dict)])
        found: list[Json] = [self.table.get(one) for one in self.asked[-1]]
        return found


def test_later_observations_build_on_earlier_ones() -> None:
    read = Reader()
    observed = observing.observe(tool(SPEC), {"id": "#W1"}, read)
    assert observed["order"] == READS["#W1"]
    assert observed["user"] == {"cards": ["c1"]}
    assert read.asked == [["#W1"], ["u1"], ["7", "8"], ["7", "8"]]


def test_each_item_is_read_once_in_one_go_and_kept_as_a_list_or_by_name() -> None:
    observed = observing.observe(tool(SPEC), {"id": "#W1"}, Reader())
    assert observed["lines"] == [{"price": 1}, {"price": 2}]
    assert observed["products"] == {"7": {"price": 1}, "8": {"price": 2}}


def test_what_hangs_on_something_that_is_not_there_is_not_read() -> None:
    read = Reader({})
    observed = observing.observe(tool(SPEC), {"id": "#W9"}, read)
    assert observed == {"order": None, "user": None, "lines": None, "products": None}
    assert read.asked == [["#W9"]]


def test_an_answer_of_another_shape_is_as_good_as_none() -> None:
    observed = observing.observe(
        tool(SPEC), {"id": "#W1"}, Reader({"#W1": {"items": "many", "user": ["u1"]}})
    )
    assert (observed["lines"], observed["products"]) == (None, None)


def test_a_reading_without_an_answer_stops_everything() -> None:
    def away(wanted: Sequence[Wanted]) -> list[Json]:
        raise Unavailable("the system is away")

    with pytest.raises(Unavailable):
        observing.observe(tool(SPEC), {"id": "#W1"}, away)


def test_a_call_cannot_make_us_read_without_end() -> None:
    spec = LEAST.replace("{type: object}", "{type: object, properties: {ids: {}}}")
    found = tool(
        spec + "observe: [{name: a, tool: orders.read, each: '{{ args.ids }}', with: {id: '{{ item }}'}}]\n"
    )
    with pytest.raises(Invalid, match="takes 51 readings; at most 50"):
        observing.observe(found, {"ids": [str(number) for number in range(51)]}, Reader())


def test_a_tool_that_observes_nothing_has_an_empty_witness() -> None:
    assert observing.observe(tool(LEAST), {}, Reader()) == {}
    assert observing.witness({}) == b"{}"


def test_the_witness_changes_with_what_is_kept_and_only_with_that() -> None:
    def witness(**user: Any) -> bytes:
        table = {**READS, "u1": {"name": "Ann", "cards": ["c1"], **user}}
        return observing.witness(observing.observe(tool(SPEC), {"id": "#W1"}, Reader(table)))

    assert witness() == witness(name="Anne")
    assert witness() != witness(cards=[])
