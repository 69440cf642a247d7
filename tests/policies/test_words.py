"""Rules in words: which calls, what must hold, what follows. What has no good words is shown as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from orchestra.contracts import Effect, Requirements, Verdict
from orchestra.policies import conditions, parse, syntax, words
from orchestra.policies.document import Rule

STORE = Path(__file__).parents[2] / "examples" / "store" / "policies"

REVIEW = Verdict.REVIEW


def rule(**columns: object) -> Rule:
    given: dict[str, object] = {
        "id": "r",
        "tools": ("cancel_order",),
        "verdict": REVIEW,
        "message": "m",
        **columns,
    }
    return Rule(**given)  # type: ignore[arg-type]


def test_rule_is_one_sentence_and_what_people_must_do() -> None:
    demands = Requirements(
        votes=2, groups=frozenset({"operators", "finance"}), reason=True, expires_in=4 * 3600.0
    )
    when = 'agent.name == "clerk" && environment == "prod" && size(observed.order.items) > 3'
    assert str(words.rule(rule(when=when, requires=demands))) == (
        "When cancel_order is called and the agent is “clerk” and the environment is “prod” and "
        "the size of the observed order.items is more than 3: people are asked. At least two persons of finance or "
        "operators must approve, one of each group among them. Each vote needs a reason. It expires after 4 hours, and nothing is done."
    )


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"verdict": Verdict.DENY}, "When cancel_order is called: it is denied."),
        ({"verdict": Verdict.ALLOW, "tools": ("*",)}, "When any tool is called: it may pass."),
        (
            {"verdict": Verdict.DENY, "tools": ("a.*", "b", "c"), "effects": frozenset({Effect.WRITE})},
            "When any tool named a.*, b or c is called and writes: it is denied.",
        ),
    ],
)
def test_rule_without_conditions(columns: dict[str, object], said: str) -> None:
    assert str(words.rule(rule(**columns))) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("args.order_id in run.identified", "argument order_id is among what was identified in this run"),
        ("!(args.reason in ['a', 'b'])", "argument reason is neither “a” nor “b”"),
        ("args.reason in ['a']", "argument reason is “a”"),
        ("cents(args.amount) <= 2000", "argument amount is at most 20.00"),
        ("50000 < cents(args.amount)", "argument amount is more than 500.00"),
        ("observed.order == null", "the observed order is missing"),
        ("observed.order != null", "the observed order is there"),
        ('provenance.order_id == "agent"', "nobody but the agent has named argument order_id"),
        (
            'provenance.order_id != "requester"',
            "it is not so that argument order_id comes from the requester",
        ),
        ("size(run.identified) == 0", "what was identified in this run is empty"),
        ("preview.irreversible", "it cannot be undone"),
        ("!preview.irreversible", "it can be undone"),
        ("preview.irreversible == true", "it cannot be undone"),
        ("!(tier < 3)", "the tier is at least 3"),
        ("!(tier < 3 || tier > 3)", "the tier is at least 3 and the tier is at most 3"),
        (
            "tier == 1 || (tier == 2 && mode == 'proposal')",
            "the tier is 1 or (the tier is 2 and the mode is “proposal”)",
        ),
        (
            "args.ids.exists(i, i == 'x')",
            "for at least one i of argument ids: i is “x”",
        ),
        ("!args.ids.exists(i, i == 'x')", "for no i of argument ids: i is “x”"),
        ("!args.ids.all(i, i == 'x')", "for at least one i of argument ids: i is not “x”"),
        (
            "size(args.ids.filter(i, i > 2)) != 1",
            "the number of i of argument ids with i is more than 2 is not 1",
        ),
        ('observed.order.status.startsWith("pending")', "the observed order.status begins with “pending”"),
        ("has(args.note)", "argument note is given"),
        ("args.a + 1 > args.b * (2 - args.c)", "argument a + 1 is more than argument b * (2 - argument c)"),
        ("(args.a ? 1 : 2) == 2", "1 if argument a is true, else 2 is 2"),
    ],
)
def test_condition_in_words(text: str, said: str) -> None:
    assert conditions.parts(text) == (said,)


def test_parts_that_all_must_hold_are_told_one_by_one() -> None:
    assert conditions.parts("tier > 1 && (tier < 4 && args.a == 'x')") == (
        "the tier is more than 1",
        "the tier is less than 4",
        "argument a is “x”",
    )


@pytest.mark.parametrize(
    "text",
    [
        "timestamp(args.at).getHours() > 18",
        "args.a == {'b': 1}",
        "no_such_name > 1",
        "args.a ==",
        "'\\q' == args.a",
    ],
)
def test_what_has_no_words_is_shown_as_it_is_written(text: str) -> None:
    assert conditions.parts(text) == (conditions.AS_WRITTEN,)


def test_part_that_is_too_long_is_left_to_the_text() -> None:
    long = " || ".join(f"args.name == '{'x' * 20}{n}'" for n in range(20))
    assert conditions.parts(f"tier > 1 && ({long})") == (
        "the tier is more than 1",
        conditions.ALSO_AS_WRITTEN,
    )


def test_every_condition_of_the_store_has_some_words() -> None:
    for path in sorted(STORE.glob("*.yaml")):
        for each in parse.parse(path.read_text()).rules:
            assert conditions.AS_WRITTEN not in words.rule(each).conditions, each.id


def test_precedence_is_that_of_the_language() -> None:
    assert syntax.parse("1 + 2 * 3 == 7 && true || false") == syntax.parse(
        "(((1 + (2 * 3)) == 7) && true) || false"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "less than a second"), (90, "1 minute 30 seconds"), (172_800, "2 days"), (90_061, "1 day 1 hour")],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_all_that_people_can_be_asked_for_has_words() -> None:
    given = Requirements(
        votes=1, rejects=2, groups=frozenset({"finance"}), stages=frozenset({("operators", "finance")}),
        step_up=True, blind=True, other_than_editor=True, remind_after=3600.0, escalate_to=frozenset({"admins"}),
        sample=0.25, grace=60.0, tier=4, redact=frozenset({"args.card"}),
    )  # fmt: skip
    assert list(words.demands(given)) == [
        "At least one person of finance or operators must approve, one of finance among them",
        "Two rejections end it",
        "They vote in this order: operators then finance",
        "Each approval needs a fresh sign-in",
        "Nobody sees the votes of others before their own",
        "Whoever edited the call cannot approve it",
        "It names a reminder after 1 hour, and admins to be told then; reminders are not sent yet",
        "The decision takes effect 1 minute after the last approval",
        "People see 25% of such calls; the others pass",
        "It counts as tier 4 (critical) at least",
        "Reviewers do not see args.card",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Requirements(), "One person must approve"),
        (Requirements(votes=2), "Two persons must approve"),
        (Requirements(votes=2, groups=frozenset({"finance"})), "Two persons of finance must approve"),
        (
            Requirements(stages=frozenset({("operators", "finance")}), votes=2),
            "Two persons of finance or operators must approve",
        ),
    ],
)
def test_votes_are_those_of_the_groups_that_are_asked(given: Requirements, said: str) -> None:
    assert next(words.demands(given)) == said


@pytest.mark.parametrize(("share", "said"), [(0.25, "25%"), (0.07, "7%"), (0.001, "0.1%"), (0.0004, "0.04%")])
def test_shares(share: float, said: str) -> None:
    assert words.share(share) == said


def test_test_of_a_policy_in_words() -> None:
    text = {
        "kind": "policy",
        "name": "p",
        "spec": {
            "rules": [{"id": "a", "tools": ["t"], "verdict": "review", "message": "m"}],
            "tests": [
                {"name": "n", "action": {"tool": "t"}, "expect": {"verdict": "review", "rules": ["a"], "requires": {"votes": 1}}},
                {"name": "o", "action": {"tool": "u"}, "expect": {"verdict": "review", "rules": []}},
            ],
        },
    }  # fmt: skip
    found = parse.parse(yaml.safe_dump(text))
    assert [words.case(case) for case in found.cases] == [
        "ask people, by a, with votes 1",
        "ask people, by no rule",
    ]
