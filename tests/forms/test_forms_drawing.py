"""What is drawn of a schema: kinds, words, and after a refusal exactly what was typed with the message beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.datastructures import MultiValueDict

from orchestra.errors import Invalid, Problem
from orchestra.forms import drawing, reading, shapes
from orchestra.forms.drawing import Field
from orchestra.forms.shapes import Kind
from tests.forms import browser


def one(schema: dict[str, Any], *, needed: bool = False, **more: Any) -> Field:
    """The field of a single property."""
    whole = {"type": "object", "properties": {"a": schema}, "required": ["a"] if needed else []}
    return drawing.fields(whole, **more)[0]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, Kind.TEXT),
        ({"type": "string", "maxLength": 200}, Kind.TEXT),
        ({"type": "string", "maxLength": 201}, Kind.LONG),
        ({"type": "string", "format": "date"}, Kind.DATE),
        ({"type": "string", "format": "date-time"}, Kind.MOMENT),
        ({"type": "integer"}, Kind.INTEGER),
        ({"type": ["number", "null"]}, Kind.NUMBER),
        ({"type": "boolean"}, Kind.CHOICE),
        ({"enum": ["a", 1]}, Kind.CHOICE),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]}, Kind.CHOICE),
        ({"const": 5}, Kind.CHOICE),
        ({"type": "array", "items": {"type": "integer"}}, Kind.LINES),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, Kind.CHOICES),
        ({"type": "array", "items": {"type": "object"}}, Kind.JSON),
        ({"type": "array"}, Kind.JSON),
        ({"type": "object"}, Kind.JSON),
        ({"type": "object", "properties": {}, "additionalProperties": False}, Kind.GROUP),
        ({"type": "object", "properties": {"b": {}}, "oneOf": [{"properties": {"c": {}}}]}, Kind.JSON),
        ({"type": "object", "properties": {"b": {}}, "oneOf": [{"required": ["b"]}]}, Kind.GROUP),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, Kind.JSON),
        ({"type": ["string", "integer"]}, Kind.JSON),
        ({"$ref": "#/$defs/none"}, Kind.JSON),
        ({}, Kind.JSON),
        (True, Kind.JSON),
    ],
)
def test_schema_decides_what_is_drawn(schema: dict[str, Any], kind: Kind) -> None:
    assert one(schema).kind is kind


def test_references_into_the_same_schema_are_followed_and_circles_end() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/node"}},
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}},
            }
        },
    }
    kinds = [str(field.kind) for field in drawing.flat(drawing.fields(schema))]
    assert kinds.count("text") == shapes.DEEPEST
    assert kinds[-1] == "json"


def test_labels_hints_and_what_is_needed_are_in_words() -> None:
    field = one({"type": "integer", "title": "How many", "description": "Of the item", "minimum": 1, "maximum": 9},
                needed=True)  # fmt: skip
    assert (field.label, field.hint, field.required) == (
        "How many",
        "Of the item. At least 1, at most 9.",
        True,
    )
    assert one({"type": "string", "maxLength": 2000}).hint == "At most 2,000 characters."
    assert drawing.fields({"type": "object", "properties": {"order_id": {}}})[0].label == "Order id"


def test_choices_have_the_titles_that_the_schema_gives_them() -> None:
    schema = {"enum": ["a", "b"], "oneOf": [{"const": "a", "title": "First"}, {"const": "b"}]}
    assert [choice.label for choice in one(schema, needed=True).choices] == ["First", "b"]


def test_what_is_needed_comes_first_in_the_order_of_that_list() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c", "b"]}
    assert [field.pointer for field in drawing.fields(schema)] == ["/c", "/b", "/a"]


def test_defaults_are_shown_in_a_new_form_but_not_where_a_value_was_left_out() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "default": 5}, "b": {"type": "integer"}},
    }
    assert drawing.fields(schema)[0].value == "5"
    assert drawing.fields(schema, {"b": 1})[0].value == ""


def test_default_that_does_not_fit_is_not_shown() -> None:
    assert one({"type": "integer", "default": "many"}).value == ""


def test_value_that_does_not_fit_its_input_is_shown_as_json() -> None:
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"type": "integer"}, "many"),
        ({"type": "string", "format": "date"}, "tomorrow"),
        ({"type": "array", "items": {"type": "string"}}, ["two\nlines"]),
        ({"type": "object", "properties": {"b": {}}}, {"c": 1}),
    ]
    for schema, value in cases:
        assert one(schema, value={"a": value}).kind is Kind.JSON


def test_part_of_a_group_that_may_be_left_out_is_not_needed() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    assert not one(inner).children[0].required
    assert one(inner, needed=True).children[0].required


def test_refused_form_shows_what_was_typed_with_the_message_at_its_field() -> None:
    schema = {
        "type": "object",
        "required": ["name", "count"],
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "integer"}},
            "size": {"enum": ["s", "m", "l", "xl", "xxl", "3xl"]},
        },
    }
    posted = MultiValueDict(
        {"f/name": [" Ann "], "f/count": ["many"], "f/tags": ["1\r\ntwo"], "f/size": ["m"]}
    )
    with pytest.raises(Invalid) as caught:
        reading.value(schema, posted)
    name, count, tags, size = drawing.fields(schema, None, posted, caught.value.problems)
    assert (name.value, count.value, tags.value) == (" Ann ", "many", "1\ntwo")
    assert [choice.label for choice in size.choices if choice.chosen] == ["m"]
    assert "whole number" in count.problem
    assert tags.problem.startswith("Item 2: Write a whole number")
    assert [field.focus for field in (name, count, tags, size)] == [False, True, False, False]


def test_page_says_which_message_belongs_to_which_input() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": "Any"}}}
    html = browser.render(drawing.fields(schema, None, MultiValueDict(), [Problem("/a", "Not this.")]))
    for text in ('for="f-0"', 'aria-describedby="f-0-hint f-0-error"', 'aria-invalid="true"', "autofocus",
                 'id="f-0-error" class="error">Not this.<'):  # fmt: skip
        assert text in html


def test_problem_of_a_group_is_told_at_the_group_and_of_the_whole_above_the_form() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}},
    }
    found = [
        Problem("/a", "Too few."),
        Problem("/a/b", "Wrong."),
        Problem("", "Not at all."),
        Problem("/z", "Odd."),
    ]
    drawn = drawing.fields(schema, None, None, found)
    assert (drawn[0].problem, drawn[0].children[0].problem) == ("Too few.", "Wrong.")
    assert [problem.message for problem in drawing.unplaced(drawn, found)] == ["Not at all.", "Odd."]


def test_place_inside_of_a_json_field_is_told_with_the_message() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "required": ["b"]}}}
    posted = MultiValueDict({"f/a": ["{}"]})
    with pytest.raises(Invalid) as caught:
        reading.value(schema, posted)
    assert drawing.fields(schema, None, posted, caught.value.problems)[0].problem == f"/b: {reading.NEEDED}"


def test_markup_in_names_words_and_values_is_text() -> None:
    evil = "<script>alert(1)</script>\"'"
    schema = {
        "type": "object",
        "title": evil,
        "properties": {
            evil: {"title": evil, "description": evil, "enum": [evil, "b"]},
            "t": {"type": "string"},
        },
    }
    html = browser.render(drawing.fields(schema, {evil: evil, "t": evil}, None, [Problem("", evil)]))
    assert "<script" not in html
    assert '"\'"' not in html


def test_ids_are_unique_whatever_the_names_are() -> None:
    names = ["a b", "a-b", "a/b", "a~b", "0", "é"]
    schema = {
        "type": "object",
        "properties": {name: {"type": "object", "properties": {"0": {"type": "string"}}} for name in names},
    }
    fields = list(drawing.flat(drawing.fields(schema)))
    assert len({field.id for field in fields}) == len({field.name for field in fields}) == len(fields)
    assert all(field.id.replace("-", "").isalnum() for field in fields)
