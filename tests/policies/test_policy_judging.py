"""What policies say of one action: verdicts, rules, requirements, and that doubt denies."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.contracts import Effect, Requirements, RuleHit, Verdict
from orchestra.policies.judge import BUILT_IN, judge
from tests.policies.files import action, read, rule

ALLOW, REVIEW, DENY = (rule(name, name) for name in ("allow", "review", "deny"))


def verdict(rules: str, **given: Any) -> str:
    return judge(action(**given), [read(rules)] if rules else []).verdict.value


def matched(rules: str, **given: Any) -> list[str]:
    return [hit.rule for hit in judge(action(**given), [read(rules)]).hits if hit.policy != BUILT_IN]


@pytest.mark.parametrize(
    ("rules", "effect", "expected", "why"),
    [
        ("", "read", "allow", "granted-read"),
        ("", "write", "review", "no-rule"),
        ("", "destructive", "review", "no-rule"),
        (ALLOW, "destructive", "allow", "allow"),
        (REVIEW, "read", "review", "review"),
        (DENY, "read", "deny", "deny"),
        (ALLOW + REVIEW, "write", "review", "review"),
        (ALLOW + DENY, "write", "deny", "deny"),
        (REVIEW + DENY, "write", "deny", "deny"),
        (ALLOW + REVIEW + DENY, "write", "deny", "deny"),
    ],
)
def test_deny_beats_review_beats_allow_and_silence_asks_a_person_about_writes(
    rules: str, effect: str, expected: str, why: str
) -> None:
    found = judge(action(effect=effect), [read(rules)] if rules else [])
    assert found.verdict.value == expected
    assert why in [hit.rule for hit in found.hits]
    assert found.errors == ()


def test_a_tool_that_is_unknown_or_not_granted_is_denied_whatever_rules_say() -> None:
    policies = [read(ALLOW)]
    for effect in ("read", "destructive"):
        for asked, why in (
            (action(effect=effect, known=False), "unknown-tool"),
            (action(effect=effect, granted=False), "no-grant"),
        ):
            found = judge(asked, policies)
            assert (found.verdict, [hit.rule for hit in found.hits]) == (Verdict.DENY, [why])


def test_every_rule_that_matches_is_told_with_where_it_is_written() -> None:
    first, second = read(ALLOW + REVIEW, name="a"), read(DENY + rule("other", "deny", tools="x"), name="b")
    found = judge(action(), [second, first])
    assert [(hit.policy, hit.rule, hit.verdict.value) for hit in found.hits] == [
        ("a", "allow", "allow"),
        ("a", "review", "review"),
        ("b", "deny", "deny"),
    ]
    assert found.hits[2] == RuleHit(
        rule="deny",
        policy="b",
        version=0,
        digest=second.digest,
        verdict=Verdict.DENY,
        message="said by deny",
    )


@pytest.mark.parametrize(
    ("tools", "tool", "speaks"),
    [
        ("orders.cancel", "orders.cancel", True),
        ("orders.cancel", "orders.cancel2", False),
        ("orders.*", "orders.cancel", True),
        ("orders.*", "orders", False),
        ("orders.*", "ordersxcancel", False),
        ("'*.cancel'", "orders.cancel", True),
        ("'*cancel*'", "cancel", True),
        ("'*'", "anything.at.all", True),
        ("'o***s.c*l'", "orders.cancel", True),
        ("ORDERS.*", "orders.cancel", False),
        ("a, orders.cancel", "orders.cancel", True),
    ],
)
def test_names_and_globs_say_which_tools_a_rule_speaks_of(tools: str, tool: str, speaks: bool) -> None:
    assert matched(rule("r", "deny", tools=tools), tool=tool) == (["r"] if speaks else [])


def test_a_rule_named_by_two_patterns_matches_once() -> None:
    assert matched(rule("r", "deny", tools="orders.cancel, 'orders.*', '*'")) == ["r"]


def test_effects_narrow_a_rule() -> None:
    rules = rule("r", "deny", effects="[write, destructive]")
    assert [effect for effect in Effect if matched(rules, effect=effect)] == ["write", "destructive"]


def test_conditions_read_the_call_and_its_context() -> None:
    rules = rule("r", "deny", when="args.total > 100 && run.use.steps >= 2 && tier == 3 && delivery == 'key'")
    good: dict[str, Any] = {"args": {"total": 101}, "run": {"use": {"steps": 2}}, "tier": 3}
    assert matched(rules, **good) == ["r"]
    assert matched(rules, **good | {"args": {"total": 100}}) == []
    assert matched(rules, **good | {"tier": 2}) == []


def test_the_context_cannot_speak_for_the_call() -> None:
    lying = action(args={"total": 500}, tool="pay", effect="write")
    context = {"args": {"total": 1}, "tool": "look", "effect": "read", "tier": 1}
    made = judge(
        type(lying)(**{name: getattr(lying, name) for name in lying.__slots__} | {"context": context}),
        [read(rule("r", "deny", when="args.total > 100 && tool == 'pay' && effect == 'write'"))],
    )
    assert made.verdict is Verdict.DENY
    assert not made.errors


@pytest.mark.parametrize(
    ("when", "given", "said"),
    [
        ("observed.order.total > 1", {}, "`observed` is missing"),
        ("observed.order.total > 1", {"observed": None}, "`observed` is null"),
        ("observed.order.total > 1", {"observed": {"order": {}}}, "`observed.order.total` is missing"),
        ("args.total > 1", {"args": {"total": "5"}}, "types do not fit"),
        ("args.total > 1", {"args": "no object"}, "has no parts"),
        ("args.total / args.count > 1", {"args": {"total": 1, "count": 0}}, "division by zero"),
        ("args.total", {"args": {"total": 1}}, "is not a condition"),
        ("args.all(x, args.all(y, x == y))", {"args": list(range(9_000))}, "steps"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_denies_and_is_reported(
    when: str, given: dict[str, Any], said: str
) -> None:
    found = judge(action(**given), [read(ALLOW + rule("r", "allow", when=when))])
    assert found.verdict is Verdict.DENY
    assert [hit.rule for hit in found.hits] == ["not-evaluated", "allow"]
    (error,) = found.errors
    assert error.startswith("p v0, rule r: ")
    assert said in error


def test_an_error_in_a_rule_for_another_tool_or_effect_does_no_harm() -> None:
    rules = rule("a", "deny", tools="other", when="observed.x") + rule(
        "b", "deny", effects="[read]", when="observed.x"
    )
    assert verdict(rules) == "review"
    assert verdict(rules, tool="other") == verdict(rules, effect="read") == "deny"


def test_a_rule_that_does_not_compile_any_more_denies() -> None:
    document = read(ALLOW)
    object.__setattr__(document.rules[0], "when", "gone(args)")
    found = judge(action(), [document])
    assert found.verdict is Verdict.DENY
    assert "gone" in found.errors[0]


def bottomless() -> Any:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        bottomless(),
        {"k": float("nan")},
        [float("inf")],
        2**70,
        "\ud800",
        {"a": {1, 2}},
        {"a": object()},
        {1: 2},
        "x" * 1_000_000,
        [[]] * 100_000,
    ],
    ids=["deep", "nan", "inf", "huge", "surrogate", "set", "object", "keys", "long", "many"],
)
def test_poison_in_arguments_and_context_never_passes_and_never_crashes(value: Any) -> None:
    rules = rule("r", "allow", when="args == observed && args.total < 5")
    found = judge(action(args=value, observed=value), [read(rules)])
    assert found.verdict is not Verdict.ALLOW
    assert all(len(error) <= 500 for error in found.errors)
    assert found.errors or isinstance(value, dict | list)  # no number equals itself if it is NaN


def test_requirements_of_all_rules_that_ask_add_up_to_the_strictest() -> None:
    rules = (
        rule(
            "a", "review", requires="{votes: 3, groups: [leads], stages: [x, y], expires_in: 2d, sample: 0.1}"
        )
        + rule(
            "b", "review", requires="{rejects: 2, groups: [money], stages: [y, z], expires_in: 1d, grace: 1m}"
        )
        + rule("c", "review", when="args.no == 1", requires="{votes: 9}")
        + rule("d", "allow")
    )
    found = judge(action(args={"no": 0}, tier=2), [read(rules)])
    assert found.requirements == Requirements(
        votes=3,
        groups=frozenset({"leads", "money"}),
        stages=frozenset({("x", "y"), ("y", "z")}),
        expires_in=86_400.0,
        grace=60.0,
        tier=2,
    )


def test_rules_raise_the_tier_and_never_lower_it() -> None:
    rules = rule("r", "review", requires="{tier: 3}")
    assert judge(action(tier=1), [read(rules)]).requirements.tier == 3
    assert judge(action(tier=4), [read(rules)]).requirements.tier == 4
    assert judge(action(tier=4), []).requirements.tier == 4


def test_thousands_of_rules_for_other_tools_are_not_looked_at() -> None:
    others = "".join(rule(f"r{n}", "deny", tools=f"tool{n}", when="observed.gone") for n in range(400))
    assert verdict(others + rule("last", "allow", tools="orders.cancel")) == "allow"
