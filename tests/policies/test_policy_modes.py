"""The mode of a deployment decides what an allowed write still needs, and how many calls people see."""

from __future__ import annotations

import pytest

from orchestra.contracts import Requirements, Verdict
from orchestra.policies.judge import apply_mode, judge, strictest
from tests.policies.files import action, read, rule

ALLOW = rule("a", "allow")
REVIEW = rule("r", "review", requires="{votes: 2}")
FEW = rule("f", "review", requires="{sample: 0.1}")
SOME = rule("s", "review", requires="{votes: 2, sample: 0.4}")


@pytest.mark.parametrize(
    ("rules", "effect", "mode", "chance", "expected"),
    [
        (ALLOW, "write", "proposal", 0.99, "review"),
        (ALLOW, "write", "sampled", 0.19, "review"),
        (ALLOW, "write", "sampled", 0.2, "allow"),
        (ALLOW, "write", "execution", 0.0, "allow"),
        (ALLOW, "read", "proposal", 0.0, "allow"),
        (ALLOW, "read", "sampled", 0.0, "allow"),
        (REVIEW, "write", "proposal", 0.99, "review"),
        (REVIEW, "write", "sampled", 0.99, "review"),
        (REVIEW, "write", "execution", 0.99, "review"),
        (REVIEW, "read", "execution", 0.99, "review"),
        (SOME, "write", "proposal", 0.99, "review"),
        (SOME, "write", "sampled", 0.39, "review"),
        (SOME, "write", "sampled", 0.4, "allow"),
        (FEW, "write", "sampled", 0.19, "review"),
        (FEW, "write", "sampled", 0.2, "allow"),
        (FEW, "write", "execution", 0.19, "allow"),
        (SOME, "write", "execution", 0.39, "review"),
        (SOME, "write", "execution", 0.4, "allow"),
        (SOME, "read", "proposal", 0.4, "allow"),
        (SOME + REVIEW, "write", "execution", 0.99, "review"),
        (SOME + ALLOW, "write", "execution", 0.39, "review"),
    ],
)
def test_the_mode_decides_over_what_rules_leave_open(
    rules: str, effect: str, mode: str, chance: float, expected: str
) -> None:
    asked = action(effect=effect, tier=2)
    found = apply_mode(judge(asked, [read(rules)]), asked, mode, chance, share=0.2)
    assert found.verdict.value == expected
    assert found.requirements.tier == 2


@pytest.mark.parametrize("mode", ["proposal", "sampled", "execution"])
@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_what_is_denied_stays_denied_in_every_mode(mode: str, chance: float) -> None:
    asked = action()
    denied = judge(asked, [read(rule("d", "deny"))])
    assert apply_mode(denied, asked, mode, chance) == denied


def test_a_review_keeps_what_it_asks_for_and_a_mode_asks_for_one_person() -> None:
    asked = action()
    assert apply_mode(judge(asked, [read(SOME)]), asked, "proposal", 0.9).requirements.votes == 2
    by_mode = apply_mode(judge(asked, [read(ALLOW)]), asked, "proposal", 0.9)
    assert by_mode.requirements == Requirements()
    assert [hit.rule for hit in by_mode.hits] == ["every-write", "a"]


def test_a_call_that_passes_unseen_says_which_rules_let_it() -> None:
    asked = action()
    passed = apply_mode(judge(asked, [read(SOME)]), asked, "execution", 0.9)
    assert (passed.verdict, passed.requirements) == (Verdict.ALLOW, Requirements())
    assert [hit.rule for hit in passed.hits] == ["not-sampled", "s"]


def test_an_unknown_mode_is_no_mode() -> None:
    asked = action()
    with pytest.raises(ValueError, match="automatic"):
        apply_mode(judge(asked, []), asked, "automatic", 0.5)


def test_what_passed_before_adds_nothing_to_what_people_are_asked_now() -> None:
    asked = action(tier=2)
    passed, reviewed = judge(asked, [read(ALLOW)]), judge(asked, [read(SOME)])
    both = strictest(passed, reviewed)
    assert both.verdict is Verdict.REVIEW
    assert both.requirements == reviewed.requirements
    assert {hit.rule for hit in both.hits} == {"a", "s"}


def test_a_tighter_policy_at_the_gate_applies_and_a_looser_one_does_not() -> None:
    asked = action()
    frozen, tighter, looser = (judge(asked, [read(rules)]) for rules in (REVIEW, rule("d", "deny"), ALLOW))
    assert strictest(frozen, tighter).verdict is Verdict.DENY
    assert strictest(frozen, looser).requirements == frozen.requirements
    assert strictest(frozen, looser).verdict is Verdict.REVIEW
