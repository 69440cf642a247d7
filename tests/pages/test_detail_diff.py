"""The comparison of two values: by path, by line, by word; what is unseen has a name; what is long is cut. Pure."""

from __future__ import annotations

from itertools import chain

import pytest

from orchestra.canonical import Json
from reviews.proposal import diff, lines, marks
from reviews.proposal.diff import ABSENT, Change, Kind
from reviews.proposal.lines import Side


def text(side: Side | None) -> str:
    return "".join(piece.text for piece in side.pieces) if side is not None else ""


def only(comparison: diff.Comparison) -> Change:
    (change,) = comparison.changes
    return change


def test_objects_and_lists_are_compared_by_their_paths() -> None:
    before: Json = {"a": {"b": [{"c": 1}, 2]}, "same": "x", "gone": True}
    after: Json = {"a": {"b": [{"c": 1}, 3, 4]}, "same": "x", "new": None}
    found = diff.compare(before, after, at="/p")
    told = {
        change.at: (change.state, "".join(piece.text for piece in change.label)) for change in found.changes
    }
    assert told == {
        "/p/a/b/1": ("changed", "a.b[1]"),
        "/p/a/b/2": ("added", "a.b[2]"),
        "/p/new": ("added", "new"),
        "/p/gone": ("removed", "gone"),
    }
    assert [change.at for change in found.same] == ["/p/a/b/0/c", "/p/same"]


def test_names_in_pointers_are_escaped() -> None:
    assert only(diff.compare({"a/b~c": 1}, {"a/b~c": 2})).at == "/a~1b~0c"


def test_nothing_empty_and_absent_are_told_apart() -> None:
    found = diff.compare({"a": None, "b": ""}, {"a": "", "b": None})
    assert [(text(change.rows[0].before), text(change.rows[0].after)) for change in found.changes] == [
        ("(nothing)", "(empty)"),
        ("(empty)", "(nothing)"),
    ]
    assert diff.compare(ABSENT, {"a": 1}).changes[0].state == "added"


def test_one_and_true_and_text_are_different_values_and_look_so() -> None:
    pairs: list[tuple[Json, Json]] = [(1, True), (1, "1"), ("(empty)", ""), ([1], ["1"])]
    for before, after in pairs:
        change = only(diff.compare({"a": before}, {"a": after}))
        assert text(change.rows[0].before) != text(change.rows[0].after)


def test_one_more_in_a_list_moves_no_others() -> None:
    change = only(diff.compare(["a", "b", "c"], ["a", "x", "b", "c"]))
    assert [text(row.after) for row in change.rows if row.after] == ["x"]


def test_changed_words_of_a_line_are_marked_and_others_are_not() -> None:
    old, new = marks.words("pay 10 EUR now", "pay 90 EUR now")
    assert [piece.text for piece in old if piece.changed] == ["10"]
    assert [piece.text for piece in new if piece.changed] == ["90"]
    assert "".join(piece.text for piece in new) == "pay 90 EUR now"


def test_lines_that_stay_are_folded_but_for_those_next_to_a_change() -> None:
    old = [f"line {n}" for n in range(40)]
    new = [*old[:20], "another", *old[21:]]
    rows, more = lines.rows("\n".join(old), "\n".join(new), most=5_000)
    assert more == 0
    assert [row.folded for row in rows if row.folded] == [18, 17]
    assert [text(row.after) for row in rows if row.after] == ["another"]


def test_what_is_shown_and_what_is_left_out_is_all_of_it() -> None:
    body = "x" * 5_123
    change = only(diff.compare(ABSENT, body))
    shown = sum(len(text(row.after)) for row in change.rows)
    assert (shown, change.more) == (diff.LONGEST, 5_123 - diff.LONGEST)
    assert change.kind is Kind.TEXT


def test_no_line_of_many_is_lost_without_being_counted() -> None:
    body = "\n".join("y" * 90 for _ in range(100))
    change = only(diff.compare(ABSENT, body))
    shown = sum(len(text(row.after)) for row in change.rows)
    assert shown + change.more == 9_000


def test_money_and_recipients_are_one_value_each() -> None:
    amount: Json = {"minor": 1250, "currency": "EUR"}
    people: list[Json] = [f"p{n}@example.com" for n in range(12)]
    found = diff.compare({}, {"sum": amount, "to": people})
    kinds = {change.at: change.kind for change in found.changes}
    assert kinds == {"/sum": Kind.MONEY, "/to": Kind.RECIPIENTS}
    told = [text(row.after) for change in found.changes for row in change.rows]
    assert told[0] == "12.50 EUR"
    assert told[1] == "12 recipients:"
    assert told[-1] == "and 7 more"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ({"minor": 500000, "currency": "EUR"}, "5,000.00 EUR"),
        ({"minor": 5000, "currency": "JPY"}, "5,000 JPY"),
        ({"minor": -5000, "currency": "UGX"}, "-5,000 UGX"),
        ({"minor": 5000, "currency": "KWD"}, "5.000 KWD"),
        ({"minor": -5, "currency": "TND", "kind": "fee"}, "-0.005 TND (fee)"),
        ({"minor": 5000, "currency": "ABC"}, "5000 minor units of ABC"),
        ({"minor": 5000, "currency": "eur"}, "5000 minor units of eur"),
        ({"minor": "12", "currency": "EUR"}, "12 minor units of EUR"),
        ({"minor": True, "currency": "EUR"}, "True minor units of EUR"),
        ({"amount": "12.50", "currency": "KWD"}, "12.50 KWD"),
    ],
)
def test_minor_units_become_an_amount_only_of_currencies_that_are_known(
    amount: dict[str, Json], said: str
) -> None:
    change = only(diff.compare({}, {"sum": amount}))
    assert (change.kind, [text(row.after) for row in change.rows]) == (Kind.MONEY, [said])


def test_amount_that_is_given_twice_hides_neither() -> None:
    twice: Json = {"amount": "12.50", "minor": 9900, "currency": "EUR"}
    found = {change.at for change in diff.compare({}, {"sum": twice}).changes}
    assert found == {"/sum/amount", "/sum/minor", "/sum/currency"}


def test_recipients_that_differ_behind_the_first_ones_are_still_a_change() -> None:
    people: list[Json] = [f"p{n}@example.com" for n in range(12)]
    found = diff.compare({"to": people}, {"to": [*people[:-1], "evil@example.org"]})
    assert only(found).state == "changed"
    assert "evil@example.org" in "".join(text(row.after) for row in only(found).rows)


def test_unseen_characters_are_pieces_with_names() -> None:
    found = marks.pieces("a\u202eb\x00c\u200b“d”")
    assert [(piece.text, piece.mark) for piece in found] == [
        ("a", ""),
        ("⟨U+202E⟩", "right-to-left override"),
        ("b", ""),
        ("⟨U+0000⟩", "control character"),
        ("c", ""),
        ("⟨U+200B⟩", "zero width space"),
        ("“d”", ""),
    ]


def test_text_that_imitates_a_mark_is_none() -> None:
    assert all(piece.mark or "⟨" not in piece.text for piece in marks.pieces("⟨U+202E⟩"))


def test_too_many_values_are_counted() -> None:
    found = diff.compare({}, {f"n{n}": n for n in range(diff.MOST + 7)})
    assert (len(found.changes), found.left_out) == (diff.MOST, 7)


def test_deep_values_end_somewhere() -> None:
    deep: Json = "x"
    for _ in range(diff.DEEPEST + 20):
        deep = [deep]
    found = diff.compare(ABSENT, deep)
    assert list(chain(found.changes)) != []
