"""JSON Schema: what compiles, what is wrong with a value, and that nothing is fetched."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import schemas
from orchestra.canonical import Json
from orchestra.errors import Invalid

REFUND: dict[str, Json] = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "pattern": "^W[0-9]+$"},
        "amount": {"type": "integer", "minimum": 1},
        "lines/all": {"type": "array", "items": {"$ref": "#/$defs/sku"}},
        "at": {"type": "string", "format": "date-time"},
    },
    "required": ["order", "amount"],
    "additionalProperties": False,
    "$defs": {"sku": {"type": "string", "minLength": 2}},
}


def test_a_fitting_value_has_no_problems() -> None:
    schema = schemas.compile(REFUND)
    value = {"order": "W12", "amount": 5, "lines/all": ["ab"], "at": "2024-05-01T00:00:00Z"}
    assert schema.problems(value) == []
    schema.check(value)


def test_every_problem_is_named_with_its_place() -> None:
    value = {"order": "x", "lines/all": ["ab", "a", 3], "at": "soon", "extra": 1}
    problems = schemas.compile(REFUND).problems(value)
    assert {problem.pointer for problem in problems} == {
        "",
        "/order",
        "/lines~1all/1",
        "/lines~1all/2",
        "/at",
    }
    assert any('"amount" is a required' in problem.message for problem in problems)
    assert any("'extra' was unexpected" in problem.message for problem in problems)
    with pytest.raises(Invalid) as caught:
        schemas.compile(REFUND).check(value)
    assert list(caught.value.problems) == problems


def test_problems_do_not_quote_the_values() -> None:
    schema = schemas.compile({"properties": {"card": {"type": "integer"}, "pin": {"enum": [1, 2]}}})
    said = " ".join(problem.message for problem in schema.problems({"card": "4111-1111", "pin": "0000"}))
    assert "4111" not in said
    assert "0000" not in said


def test_no_more_than_twenty_problems_are_listed() -> None:
    schema = schemas.compile({"items": {"type": "string"}})
    assert len(schema.problems([1] * 5000)) == 20


def test_a_hostile_property_name_does_not_get_into_a_message_as_it_is() -> None:
    problems = schemas.compile({"additionalProperties": False}).problems({"\0\u202e" + "k" * 5000: 1})
    assert len(problems[0].message) < 400
    assert problems[0].message.isprintable()


@pytest.mark.parametrize(
    ("schema", "place", "word"),
    [
        ({"type": "strin"}, "/type", "strin"),
        ({"properties": {"a": {"minimum": "x"}}}, "/properties/a/minimum", "number"),
        ({"properties": []}, "/properties", "object"),
        ({"pattern": "("}, "/pattern", "regex"),
        ({"pattern": "(?=a)b"}, "/pattern", "regex"),
        ({"pattern": "(a)\\1"}, "/pattern", "regex"),
        ({"pattern": "a{1000}{1000}"}, "/pattern", "regex"),
        ({"items": {"$ref": "#/$defs/gone"}}, "/items/$ref", "not in this schema"),
        ({"anyOf": [{}, {"$ref": "#gone"}]}, "/anyOf/1/$ref", "not in this schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
        ({"$schema": 5}, "/$schema", "2020-12"),
        ({"$id": "::::"}, "", "URI"),
        ({"const": float("nan")}, "/const", "NaN"),
        ({"const": object()}, "/const", "not JSON"),
    ],
)
def test_a_bad_schema_is_refused_with_the_place_in_it(schema: Any, place: str, word: str) -> None:
    with pytest.raises(Invalid) as caught:
        schemas.compile(schema)
    assert caught.value.problems[0].pointer == place
    assert word in caught.value.message


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address that notes whoever knocks."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                calls.append(connection.recv(100))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/schema.json", calls
        server.shutdown(socket.SHUT_RDWR)


def test_a_reference_to_the_outside_is_refused_and_nobody_is_called(
    listener: tuple[str, list[bytes]],
) -> None:
    address, calls = listener
    outside: list[dict[str, Json]] = [
        {"properties": {"a": {"$ref": address}}},
        {"properties": {"a": {"$ref": address + "#/x"}}},
        {"properties": {"a": {"$dynamicRef": address}}},
        {"$id": address, "properties": {"a": {"$ref": "other.json"}}},
    ]
    for schema in outside:
        with pytest.raises(Invalid) as caught:
            schemas.compile(schema)
        assert caught.value.problems[0].pointer.startswith("/properties/a/$")
    assert calls == []


def test_a_reference_to_a_file_is_refused() -> None:
    with pytest.raises(Invalid, match="not in this schema"):
        schemas.compile({"$ref": "file:///etc/passwd"})


def test_references_inside_of_the_schema_work() -> None:
    tree: dict[str, Json] = {"properties": {"left": {"$ref": "#"}, "name": {"$ref": "#name"}}}
    tree["$defs"] = {"name": {"$anchor": "name", "type": "string"}}
    assert [p.pointer for p in schemas.compile(tree).problems({"left": {"left": {"name": 1}}})] == [
        "/left/left/name"
    ]


def test_a_schema_is_compiled_once_whatever_the_order_of_its_keys() -> None:
    one = schemas.compile({"type": "object", "required": ["a"]})
    assert schemas.compile({"required": ["a"], "type": "object"}) is one
    assert schemas.compile({"required": ["b"], "type": "object"}).digest != one.digest
    assert len(one.digest) == 32


def test_later_changes_to_the_schema_do_not_matter() -> None:
    mine: dict[str, Json] = {"type": "string"}
    schema = schemas.compile(mine)
    mine["type"] = "integer"
    assert schema.problems("x") == []


@pytest.mark.parametrize("value", [object(), {1: 2}, "\ud800", b"x", {"a": {1, 2}}])
def test_what_is_no_json_is_a_problem_not_a_crash(value: object) -> None:
    assert schemas.compile(REFUND).problems(value) != []


def test_a_bottomless_value_is_a_problem_not_a_crash() -> None:
    bottomless: Any = {}
    for _ in range(100_000):
        bottomless = {"left": bottomless}
    knot: list[Any] = []
    knot += [knot, knot]
    schema = schemas.compile({"properties": {"left": {"$ref": "#"}}, "items": {"$ref": "#"}})
    for value in (bottomless, knot):
        assert "too deep" in schema.problems(value)[0].message


def test_a_value_as_deep_as_the_border_allows_is_judged() -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    assert schemas.compile({"items": {"$ref": "#"}}).problems(value) == []


def test_eight_threads_share_a_schema() -> None:
    schema = schemas.compile(REFUND)

    def work(_: int) -> int:
        return sum(len(schema.problems({"order": "W1", "amount": n % 2})) for n in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [250] * 8


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["object", "string", "#", "a", "("]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "$ref", "$id", "$defs", "properties", "items", "not", "pattern", "enum", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["type", "$ref", "$defs", "properties", "items", "allOf"]), VALUES),
    VALUES,
)
def test_any_schema_compiles_or_is_invalid_and_judges_any_value(schema: dict[str, Any], value: Any) -> None:
    try:
        made = schemas.compile(schema)
    except Invalid:
        return
    assert all(problem.message for problem in made.problems(value))
