"""Files of YAML documents: plain data, lines, and everything that is refused at the door."""

from __future__ import annotations

import pytest

from orchestra.documents.envelopes import Envelope, envelopes
from orchestra.errors import Invalid


def spec(text: str) -> object:
    (found,) = envelopes(f"kind: thing\nname: one\nspec:\n  value: {text}\n")
    assert isinstance(found.spec, dict)
    return found.spec["value"]


def refused(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        envelopes(text)
    return [str(problem) for problem in caught.value.problems]


def refused_value(text: str) -> str:
    (said,) = refused(f"kind: thing\nname: one\nspec:\n  value: {text}\n")
    assert said.startswith("line 4")
    return said


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "12:30",
        "2026-01-01",
        "1_000",
        "=",
        "1.2.3",
        "0b1",
        "'true'",
        "'1'",
        '"null"',
    ],
)
def test_what_yaml_1_1_would_have_guessed_stays_text(text: str) -> None:
    assert spec(text) == text.strip("'\"")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-1.5", -1.5),
        ("2e3", 2000),
    ],
)
def test_plain_words_and_json_numbers_keep_their_type(text: str, value: object) -> None:
    found = spec(text)
    assert found == value
    assert type(found) is type(value)


def test_on_and_yes_are_ordinary_keys() -> None:
    assert spec("{on: 1, yes: 2, y: 3}") == {"on": 1, "yes": 2, "y": 3}


def test_a_file_holds_several_documents_and_empty_ones_are_passed_over() -> None:
    found = envelopes("---\nkind: a\nname: x\nspec: {}\n---\n---\nkind: b\nname: y\nspec: 1\n---\n")
    assert [(one.kind, one.name, one.spec, one.line) for one in found] == [
        ("a", "x", {}, 2),
        ("b", "y", 1, 7),
    ]


def test_every_value_knows_its_line() -> None:
    (found,) = envelopes("kind: a\nname: x\nspec:\n  b:\n    - one\n    - two: 3\n")
    assert found.line_of("spec", "b") == 4
    assert found.line_of("spec", "b", 1, "two") == 6
    assert found.line_of("spec", "b", 1, "not there", 7) == 6
    assert found.problem("no", "spec", "b", 0).line == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("010", "quote it"),
        ("0x1f", "quote it"),
        (".inf", "quote it"),
        ("-.INF", "quote it"),
        (".nan", "quote it"),
        ("+1", "quote it"),
        ("99999999999999999999", "2^53"),
        ("1e400", "2^53"),
        ("0.1000000000000000055511151231257827", "digits"),
        ('"\\0"', "NUL"),
        ('"\\ud800"', "surrogate"),
        ("{1: a}", "quote it"),
        ("{true: a}", "quote it"),
        ("{[a]: b}", "key is plain text"),
        ("{{ input.order }}", 'quoted: "{{ input.name }}"'),
        ("{a: 1, b: 2, a: 3}", "'a' is here twice"),
        ("{<<: {a: 1}}", "merge keys"),
        ("!!str x", "tag"),
        ("!python/object x", "tag"),
        ("! x", "tag"),
        ("*nowhere", "alias"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: str, says: str) -> None:
    assert says in refused_value(text)


def test_an_alias_may_repeat_a_value() -> None:
    assert spec("[&a {b: 1}, *a]") == [{"b": 1}, {"b": 1}]


def test_aliases_that_grow_without_bound_are_refused() -> None:
    layers = "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    (said,) = refused(f"kind: a\nname: x\nspec:\n  a0: &a0 [x]\n{layers}")
    assert "aliases" in said


def test_an_alias_inside_itself_is_refused() -> None:
    (said,) = refused("kind: a\nname: x\nspec: &s {inside: *s}\n")
    assert "aliases" in said


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 60_000, "- " * 100_000])
def test_deep_nesting_is_refused_before_it_costs_anything(text: str) -> None:
    (said,) = refused(text)
    assert "deeper than 64" in said


def test_a_file_that_is_too_long_is_refused() -> None:
    (said,) = refused("# " + "é" * 140_000)
    assert "262144" in said


def test_too_many_documents_are_refused() -> None:
    (said,) = refused("---\na: 1\n" * 101)
    assert "100 documents" in said


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("kind: a\n\tname: b\n", 2, "spaces, not with tabs"),
        ("kind: a\nname: x: y\n", 2, "quote a text"),
        ("kind: a\nname: [1,\nspec: 2\n", 4, "begins in line 2"),
        ("kind: a\nname: 'b\n", 3, "not YAML"),
        ("kind: a\n\x07", 2, "U+0007"),
        ("%YAML 2.0\n---\nkind: a\n", 1, "version"),
    ],
)
def test_text_that_is_no_yaml_names_its_line(text: str, line: int, says: str) -> None:
    (said,) = refused(text)
    assert said.startswith(f"line {line}")
    assert says in said


def test_a_document_needs_kind_name_and_spec_and_nothing_else() -> None:
    assert "line 1: spec is missing; a document has kind, name and spec" in refused("kind: a\nname: b\n")
    assert any("'spek' does not belong here" in said for said in refused("kind: a\nname: b\nspek: {}\n"))
    assert any("mapping" in said for said in refused("- a\n"))
    assert any("cannot be a kind" in said for said in refused("kind: A b\nname: b\nspec: {}\n"))
    assert any("cannot be a name" in said for said in refused("kind: a\nname: [b]\nspec: {}\n"))
    assert refused("# nothing\n") == ["line 1: the file holds no document; it needs kind, name and spec"]


def test_problems_of_all_documents_come_together_in_the_order_of_the_file() -> None:
    said = refused("kind: a\nname: b\nspec: 010\n---\nkind: B\nname: c\nspec: {x: 1, x: 2}\n---\nkind: a\n")
    assert [text.partition(",")[0].partition(":")[0] for text in said] == [
        "line 3",
        "line 7",
        "line 9",
        "line 9",
    ]


def test_a_flood_of_problems_is_cut() -> None:
    said = refused("".join(f"k{n}: 1\n" for n in range(5_000)))
    assert len(said) == 101
    assert said[-1] == "4903 more problems; mend these first"


def test_hostile_keys_are_shown_short_and_escaped() -> None:
    said = "\n".join(refused('"\\u202e' + "x" * 500 + '": 1\n'))
    assert "\u202e" not in said
    assert len(said) < 1_000


def test_an_envelope_gives_its_document_back() -> None:
    made = Envelope(kind="a", name="b", spec={"c": 1}, line=1, lines={})
    assert made.document == {"kind": "a", "name": "b", "spec": {"c": 1}}
