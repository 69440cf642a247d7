"""Where values of a call were seen before: words decide, and the least trusted value of an argument speaks."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.policies.origins import PERSON, REQUESTER, TOOL, Seen


@pytest.fixture
def seen() -> Seen:
    made = Seen()
    made.add(REQUESTER, 'My order is w2378156, send it to 4  Mill\nRoad. "Thanks", and 12 more.')
    made.add(TOOL, {"user": {"payment_methods": {"card_95": {"brand": "visa"}}}, "items": ["111", 222]})
    made.add(PERSON, "use card_95")
    return made


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("#W2378156", "requester"),
        ("4 mill road", "requester"),
        ("card_95", "person"),
        ("visa", "tool"),
        ("brand", "tool"),
        (222, "tool"),
        ("222", "tool"),
        (12, "requester"),
        ("card_9", "agent"),
        ("card", "agent"),
        ("2378156", "agent"),
        ("Mill Road Thanks", "requester"),
        ("visa 111", "agent"),
        (["111", "222"], "tool"),
        (["111", "333"], "agent"),
        ({"to": "4 Mill Road", "by": "card_95"}, "requester"),
        ({"made": {"up": ["111", "x"]}}, "agent"),
        ([], "nothing"),
        ("", "nothing"),
        (" - ", "nothing"),
        (None, "nothing"),
        (True, "nothing"),
    ],
)
def test_each_argument_is_as_good_as_its_worst_value(seen: Seen, value: Any, origin: str) -> None:
    assert seen.provenance({"x": value}) == {"x": origin}


def test_arguments_that_are_no_object_have_no_provenance(seen: Seen) -> None:
    assert seen.provenance(["111"]) == {}


def test_what_nobody_has_said_is_the_agents_own() -> None:
    assert Seen().provenance({"a": "x", "b": 1}) == {"a": "agent", "b": "agent"}
