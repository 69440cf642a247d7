"""What a sent form means: blank is absent, numbers are strict, and every problem is told at its field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils.datastructures import MultiValueDict

from orchestra.canonical import Json
from orchestra.errors import Invalid
from orchestra.forms import drawing, reading
from tests.forms import browser

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order", "lines", "express"],
    "additionalProperties": False,
    "properties": {
        "order": {"type": "string", "pattern": "^W[0-9]+$"},
        "amount": {"type": "integer", "minimum": 1, "maximum": 10},
        "weight": {"type": "number"},
        "express": {"type": "boolean"},
        "lines": {"type": "array", "items": {"type": "string", "minLength": 2}, "minItems": 1},
        "at": {"type": "string", "format": "date-time"},
        "address": {
            "type": "object",
            "required": ["city"],
            "properties": {"city": {"type": "string"}, "country": {"enum": ["AT", "DE"]}},
        },
        "more": {"type": "object"},
    },
}
GOOD = {"order": "W1", "lines": "ab", "express": "true"}


def read(schema: dict[str, Any] = ORDER, start: Json = None, /, **given: str | list[str]) -> Json:
    """The value of a form with these texts; `__` stands for a level."""
    posted: MultiValueDict[str, str] = MultiValueDict()
    for name, texts in given.items():
        posted.setlist(f"f/{name.replace('__', '/')}", [texts] if isinstance(texts, str) else texts)
    return reading.value(schema, posted, start=start)


def problems(schema: dict[str, Any] = ORDER, /, **given: str | list[str]) -> dict[str, str]:
    """The messages by their places."""
    with pytest.raises(Invalid) as caught:
        read(schema, **given)
    return {problem.pointer: problem.message for problem in caught.value.problems}


def test_what_is_left_blank_is_absent() -> None:
    assert read(**GOOD, amount="", at="", more=" \r\n", address__city="") == {
        "order": "W1", "lines": ["ab"], "express": True
    }  # fmt: skip


def test_every_kind_is_read() -> None:
    sent = {
        "amount": " 7 ",
        "weight": "-1.5e2",
        "express": "false",
        "lines": "ab\r\n\r\n cd ",
        "more": '{"a": [1]}',
    }
    found = read(order="W1", at="2026-05-01T10:00", address__city="Wien", address__country="AT", **sent)
    assert found == {
        "order": "W1", "amount": 7, "weight": -150, "express": False, "lines": ["ab", "cd"],
        "at": "2026-05-01T10:00:00Z", "address": {"city": "Wien", "country": "AT"}, "more": {"a": [1]},
    }  # fmt: skip


def test_moments_with_a_zone_are_kept_in_utc() -> None:
    assert read(**GOOD, at="2026-05-01T10:00:00+02:00") == {
        "order": "W1", "lines": ["ab"], "express": True, "at": "2026-05-01T08:00:00Z"
    }  # fmt: skip


@pytest.mark.parametrize("untouched", ["2026-05-01T10:00", "2026-05-01T10:00:00", "2026-05-01T10:00:00.000"])
def test_moment_on_the_minute_is_untouched_however_browsers_send_it(untouched: str) -> None:
    start: dict[str, Json] = {
        "order": "W1",
        "lines": ["ab"],
        "express": True,
        "at": "2026-05-01T12:00:00+02:00",
    }
    drawn = browser.sent(drawing.fields(ORDER, start))
    assert drawn.getlist("f/at") == ["2026-05-01T10:00"]
    assert read(ORDER, start, **GOOD, amount="7", at=untouched) == {**start, "amount": 7}
    assert read(ORDER, start, **GOOD, at="2026-05-01T10:00:01") == {**start, "at": "2026-05-01T10:00:01Z"}


@pytest.mark.parametrize("text", ["1.0", "1e1", "0x1", "١", "007", "1 000", "ten", "NaN", "9" * 20, "--1"])
def test_integers_are_strict(text: str) -> None:
    assert list(problems(**GOOD, amount=text)) == ["/amount"]


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1,5", ".5", "5.", "1e400", "0.1234567890123456789", "٣"]
)
def test_numbers_are_strict(text: str) -> None:
    assert list(problems(**GOOD, weight=text)) == ["/weight"]


def test_every_problem_is_told_at_once_and_at_its_own_field() -> None:
    found = problems(
        order="X", amount="0", lines="ab\nc", more="{", at="soon", address__country="AT", weight="heavy"
    )
    assert found.keys() == {
        "/order", "/amount", "/weight", "/lines/1", "/more", "/at", "/address/city", "/express"
    }  # fmt: skip
    assert found["/express"] == found["/address/city"] == reading.NEEDED
    assert re.match(r"Not JSON: .* line 1 ", found["/more"])


def test_empty_form_says_what_is_needed() -> None:
    assert problems() == {
        "/order": reading.NEEDED,
        "/express": reading.NEEDED,
        "/lines": "This has less than 1 item.",
    }


def test_what_a_condition_asks_for_is_told_at_its_field() -> None:
    schema = {
        "type": "object",
        "properties": {"action": {"enum": ["go", "stop"]}, "why": {"type": "string"}},
        "if": {"properties": {"action": {"const": "stop"}}},
        "then": {"required": ["why"]},
    }
    assert problems(schema, action="stop") == {"/why": reading.NEEDED}
    assert read(schema, action="go") == {"action": "go"}


def test_choice_that_is_not_offered_is_refused() -> None:
    assert problems(**GOOD, address__city="x", address__country="FR").keys() == {"/address/country"}
    assert problems(order="W1", lines="ab", express="on").keys() == {"/express"}


def test_values_that_look_alike_are_told_apart() -> None:
    schema = {"type": "object", "properties": {"one": {"enum": [1, "1", True, "true", None, "null", ""]}}}
    for value in schema["properties"]["one"]["enum"]:  # type: ignore[index]
        found = reading.value(schema, browser.sent(drawing.fields(schema, {"one": value})))
        assert found == {"one": value}
        assert isinstance(found, dict)
        assert type(found["one"]) is type(value)


def test_field_that_the_form_no_longer_has_is_not_lost_in_silence() -> None:
    assert "asks for other things now" in problems(**GOOD, colour="red")[""]
    assert "colour" in problems(**GOOD, colour="red")[""]


def test_untouched_values_stay_as_they_were_and_touched_ones_change() -> None:
    start: Json = {
        "order": "W1", "express": True, "lines": ["ab"], "at": "2026-05-01T10:00:00.123+02:00", "address": {"city": ""}
    }  # fmt: skip
    posted = browser.sent(drawing.fields(ORDER, start), amount="3")
    assert isinstance(start, dict)
    assert reading.value(ORDER, posted, start=start) == {**start, "amount": 3}


def test_what_is_cleared_is_gone() -> None:
    start: Json = {"order": "W1", "express": True, "lines": ["ab"], "amount": 3, "address": {"city": "Wien"}}
    posted = browser.sent(drawing.fields(ORDER, start), **{"amount": "", "address/city": ""})
    assert reading.value(ORDER, posted, start=start) == {"order": "W1", "express": True, "lines": ["ab"]}


def test_null_can_be_left_where_it_is_allowed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    assert read(schema, a="") == {"a": None}
    assert read(schema, a="x") == {"a": "x"}


def test_constants_need_no_typing_and_cannot_be_changed() -> None:
    schema = {"type": "object", "properties": {"kind": {"const": "refund"}}, "required": ["kind"]}
    assert read(schema) == {"kind": "refund"}
    assert read(schema, kind="other") == {"kind": "refund"}
