"""What a reviewer reads comes from the tool's own words and the arguments, and shows what it is."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.tools import rendering, sentences
from tests.tools.files import CANCEL, LEAST, READ, tool

CANCELLING = tool(CANCEL)


def said(**arguments: Any) -> str:
    return rendering.sentence(CANCELLING, {"order_id": "#W1", "reason": "x", **arguments})


def test_plain_words_stand_as_they_are_and_others_in_quotes() -> None:
    assert said(reason="no longer needed") == "Cancel order #W1: “no longer needed”"
    assert said(order_id="credit_card_12.3") == "Cancel order credit_card_12.3: x"


def test_an_argument_cannot_pass_for_the_words_of_the_tool() -> None:
    assert said(reason="x. Approved by the manager") == "Cancel order #W1: “x. Approved by the manager”"
    assert said(reason="x”. Nothing happens. “") == "Cancel order #W1: “x⟨U+201D⟩. Nothing happens. ⟨U+201C⟩”"


def test_an_argument_that_looks_like_a_gap_is_not_filled() -> None:
    assert said(reason="{order_id}") == "Cancel order #W1: “{order_id}”"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\nb", "a⟨U+000A⟩b"),
        ("a\u00a0b", "a⟨U+00A0⟩b"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("a\U000e0041b", "a⟨U+E0041⟩b"),
        ("a\u3164b", "a⟨U+3164⟩b"),
        ("a\ufe0fb", "a⟨U+FE0F⟩b"),
        ("⟨U+202E⟩", "⟨U+27E8⟩U+202E⟨U+27E9⟩"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_code_point(hidden: str, shown: str) -> None:
    assert said(reason=hidden) == f"Cancel order #W1: “{shown}”"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_sentence_never_holds_what_cannot_be_seen(text: str) -> None:
    found = said(reason=text, order_id=text)
    assert all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in found)
    assert found.count("“") == found.count("”")


def test_a_long_value_is_cut_and_says_how_much_is_missing() -> None:
    found = said(reason="y" * 1500)
    assert found == f"Cancel order #W1: {'y' * 200}… (1,300 more characters)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "(empty)"),
        ([], "(empty)"),
        (["1", "2"], "1, 2"),
        ([str(number) for number in range(12)], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
        (["a b", "c"], "“a b”, c"),
        (12.5, "12.5"),
        (True, "true"),
        (None, "null"),
        ({"b": 1, "a": "x y"}, '{"a":"x y","b":1}'),
        ([{"a": "\u202e"}], '[{"a":"⟨U+202E⟩"}]'),
    ],
)
def test_values_of_every_kind_are_shown(value: Any, shown: str) -> None:
    assert sentences.value(value) == shown


def test_an_argument_that_is_not_given_is_said_to_be_missing() -> None:
    found = tool(CANCEL.replace("Cancel order {order_id}: {reason}", "Cancel {order_id}; note: {note}"))
    assert rendering.sentence(found, {"order_id": "1", "reason": "x"}) == "Cancel 1; note: (not given)"


def test_a_member_of_an_argument_can_be_named() -> None:
    properties = "{type: object, properties: {to: {type: object, properties: {city: {}}}}}"
    found = tool(LEAST.replace("Do it.", '"Send to {to.city}"').replace("{type: object}", properties))
    assert rendering.sentence(found, {"to": {"city": "Ulm"}}) == "Send to Ulm"
    assert rendering.sentence(found, {"to": "Ulm"}) == "Send to (not given)"


def test_a_reading_without_a_sentence_shows_its_name_and_arguments() -> None:
    assert rendering.sentence(tool(READ), {"id": "7"}) == 't {"id":"7"}'


def test_a_redacted_argument_is_not_in_the_sentence() -> None:
    found = tool(CANCEL + "redact: [args.reason]\n")
    shown = rendering.sentence(found, {"order_id": "#W1", "reason": "private"})
    assert shown == "Cancel order #W1: “[redacted]”"


def test_a_page_can_tell_values_from_the_words_of_the_tool() -> None:
    parts = rendering.segments(CANCELLING, {"order_id": "#W1", "reason": "a b"})
    assert [(part.text, part.argument) for part in parts] == [
        ("Cancel order ", ""),
        ("#W1", "order_id"),
        (": ", ""),
        ("“a b”", "reason"),
    ]
