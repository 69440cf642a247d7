"""Whole-value lookups: `{{ path }}` keeps the type, says what is missing, and is never read twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import expressions
from orchestra.errors import Invalid
from orchestra.expressions import ExpressionError

SCOPE: dict[str, Any] = {
    "steps": {"find": {"rows": [{"id": 7, "unit price": "9.90"}], "none": None, "text": "{{ task.secret }}"}},
    "task": {"amount": 12.5, "rush": False, "secret": "hidden"},
}


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(ExpressionError) as caught:
        attempt()
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ task.amount }}", 12.5),
        ("{{task.rush}}", False),
        ("  {{ steps.find.rows[0].id }}\n", 7),
        ("{{ steps.find.rows }}", [{"id": 7, "unit price": "9.90"}]),
        ('{{ steps.find.rows[0]["unit price"] }}', "9.90"),
        ("{{ steps['find'].none }}", None),
        ("{{ task }}", SCOPE["task"]),
    ],
)
def test_a_lookup_keeps_the_type_of_its_value(text: str, value: object) -> None:
    found = expressions.resolve(text, SCOPE)
    assert (type(found), found) == (type(value), value)


def test_a_template_is_filled_at_every_depth() -> None:
    template: Any = {
        "id": "{{ steps.find.rows[0].id }}",
        "list": [1, ["{{ task.rush }}", "plain"], None],
        "x": {},
    }
    assert expressions.resolve(template, SCOPE) == {"id": 7, "list": [1, [False, "plain"], None], "x": {}}
    assert template["id"] == "{{ steps.find.rows[0].id }}"


def test_what_a_lookup_brings_in_is_not_read_as_a_template() -> None:
    assert expressions.resolve(["{{ steps.find.text }}"], SCOPE) == ["{{ task.secret }}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ task.amont }}", ["`task.amont` is missing", "`task` has amount, rush, secret"]),
        ("{{ nope.x }}", ["`nope` is missing", "the scope has steps, task"]),
        ("{{ steps.find.rows[3].id }}", ["`steps.find.rows[3]` is missing", "1 elements"]),
        ("{{ steps.find.rows.id }}", ["`steps.find.rows.id` is missing", "1 elements"]),
        ("{{ steps.find.none.x }}", ["`steps.find.none` is null"]),
        ("{{ task.amount[0] }}", ["`task.amount` is a number"]),
        ("{{ task[0] }}", ["`task[0]` is missing"]),
    ],
)
def test_a_missing_path_says_where_it_ends_and_what_there_is(text: str, words: list[str]) -> None:
    message = refusal(lambda: expressions.resolve({"a": [text]}, SCOPE))
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "text",
    [
        "Order {{ task.amount }}",
        "{{ task.a }} {{ task.b }}",
        "{{ task.a }}.",
        "{{ {{ task }} }}",
        "{{ task",
        "{{",
    ],
)
def test_a_lookup_stands_only_as_a_whole_value(text: str) -> None:
    assert "whole value" in refusal(lambda: expressions.lookup(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ }}",
        "{{ task. }}",
        "{{ .task }}",
        "{{ task..a }}",
        "{{ task.a | upper }}",
        "{{ task.a() }}",
        "{{ task[-1] }}",
        "{{ task[a] }}",
        "{{ 1 }}",
        "{{ ['task'] }}",
        "{{ [0] }}",
        "{{ task a }}",
        "{{ task.a-b }}",
        "{{ a'b' }}",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    refusal(lambda: expressions.lookup(text))


@pytest.mark.parametrize("text", ["", "plain", "{ task }", "}}", "{%x%}", "{"])
def test_other_strings_are_left_alone(text: str) -> None:
    assert expressions.lookup(text) is None
    assert expressions.resolve(text, {}) == text


def test_a_key_is_never_a_lookup() -> None:
    for attempt in (
        lambda: expressions.resolve({"{{ task.a }}": 1}, SCOPE),
        lambda: expressions.names({"{{ a }}": 1}),
    ):
        assert "key" in refusal(attempt)


class Thing:
    name = "x"


def test_attributes_of_python_objects_are_out_of_reach() -> None:
    scope: Any = {"thing": Thing(), "text": "abc", "pair": (1, 2)}
    for text in (
        "{{ thing.name }}",
        "{{ thing.__class__ }}",
        "{{ text.upper }}",
        "{{ text[0] }}",
        "{{ pair[0] }}",
    ):
        assert "no parts" in refusal(lambda t=text: expressions.resolve(t, scope))  # type: ignore[misc]
    assert "missing" in refusal(lambda: expressions.resolve("{{ a.__class__ }}", {"a": {}}))


def test_the_paths_of_a_template_are_known_before_it_runs() -> None:
    template: Any = {
        "a": "{{ steps.find.rows[0].id }}",
        "b": ["{{task.amount}}", "{{ task['amount'] }}"],
        "c": "plain",
    }
    assert expressions.names(template) == {"steps.find.rows[0].id", "task.amount"}
    assert {way.parts[0] for way in expressions.lookups(template)} == {"steps", "task"}
    refusal(lambda: expressions.names({"a": ["x {{ y }}"]}))


def test_a_bottomless_template_is_refused() -> None:
    template: Any = "{{ task }}"
    for _ in range(5000):
        template = [template]
    with pytest.raises(Invalid):
        expressions.resolve(template, SCOPE)


KEYS = st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(st.lists(KEYS | st.integers(0, 3), max_size=5).map(lambda parts: ("root", *parts)), st.integers())
def test_a_written_path_leads_back_to_its_value(parts: tuple[str | int, ...], value: int) -> None:
    scope: Any = value
    for part in reversed(parts):
        scope = {part: scope} if isinstance(part, str) else [None] * part + [scope]
    way = expressions.Lookup(parts)
    if "{{" in way.path or "}}" in way.path:
        return
    assert expressions.lookup(f"{{{{ {way.path} }}}}") == way
    assert expressions.resolve(f"{{{{ {way.path} }}}}", scope) == value


@given(st.text(max_size=30) | st.text("{}. []'\"ab0", max_size=20))
def test_any_string_is_left_alone_looked_up_or_refused(text: str) -> None:
    try:
        expressions.resolve([text], {"a": {"b": [1]}})
    except ExpressionError as error:
        error.message.encode()
