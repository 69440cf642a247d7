"""Two versions of a policy side by side: which rules came, went and changed, and every line of the texts."""

from __future__ import annotations

from orchestra.contracts import Requirements, Verdict
from orchestra.policies import differences
from orchestra.policies.differences import Field, Line
from orchestra.policies.document import Document, Rule


def rule(name: str, **columns: object) -> Rule:
    given: dict[str, object] = {"tools": ("t",), "verdict": Verdict.REVIEW, "message": "Look.", **columns}
    return Rule(id=name, **given)  # type: ignore[arg-type]


def document(*rules: Rule) -> Document:
    return Document("p", "", rules, ())


def test_rules_that_came_went_and_changed_are_told_and_others_are_not() -> None:
    before = document(rule("same"), rule("old"), rule("changed"))
    after = document(rule("new"), rule("changed", verdict=Verdict.DENY), rule("same"))
    found = differences.rules(before, after)
    assert [(change.kind, change.rule.id) for change in found] == [
        ("added", "new"),
        ("changed", "changed"),
        ("removed", "old"),
    ]
    assert found[1].fields == (Field("Verdict", "Ask people", "Deny"),)


def test_every_part_of_a_rule_is_compared() -> None:
    before = rule("r", when="tier > 1", requires=Requirements(votes=1, groups=frozenset({"b", "a"})))
    after = rule(
        "r",
        tools=("t", "u"),
        message="Look well.",
        requires=Requirements(votes=2, reason=True, expires_in=60.0, stages=frozenset({("x", "y")})),
    )
    (change,) = differences.rules(document(before), document(after))
    assert change.fields == (
        Field("Tools", "t", "t, u"),
        Field("When", "tier > 1", ""),
        Field("Message", "Look.", "Look well."),
        Field("votes", "1", "2"),
        Field("groups", "a, b", ""),
        Field("stages", "", "x then y"),
        Field("reason", "no", "yes"),
        Field("expires_in", "", "1 minute"),
    )


def test_lines_are_told_with_their_numbers_and_gaps() -> None:
    before = "\n".join(f"line {n}" for n in range(1, 21))
    after = before.replace("line 10\n", "line ten\n")
    found = differences.lines(before, after)
    assert found[0] == Line("gap", "6 unchanged lines")
    assert Line("removed", "line 10", 10, None) in found
    assert Line("added", "line ten", None, 10) in found
    assert found[-1] == Line("gap", "7 unchanged lines")
    assert [line.text for line in found if line.kind == "same"] == [
        f"line {n}" for n in (7, 8, 9, 11, 12, 13)
    ]


def test_same_text_has_no_difference() -> None:
    assert differences.lines("a\nb", "a\nb") == []
