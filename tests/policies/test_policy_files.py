"""Policy files: what they mean, and what is said of wrong ones, each problem with its line."""

from __future__ import annotations

import re

import jsonschema_rs
import pytest

from orchestra.contracts import Effect, Requirements, Verdict
from orchestra.documents.envelopes import envelopes
from orchestra.policies import cases, schema, stored
from orchestra.policies.checks import Known
from orchestra.policies.parse import parse
from orchestra.policies.vocabulary import MEMBERS, VARIABLES
from tests.policies.files import DOC, example, file, read, refused, rule

FULL = """
- id: large
  tools: [orders.cancel, "refunds.*"]
  effects: [destructive]
  when: args.total > 100
  verdict: review
  message: A large one.
  requires:
    votes: 2
    rejects: 2
    groups: [leads, money]
    stages: [support, leads]
    reason: true
    step_up: true
    blind: true
    other_than_editor: true
    expires_in: 2d
    remind_after: 1h30m
    escalate_to: leads
    sample: 0.5
    grace: 30s
    tier: 3
    redact: [args.card]
"""


def test_everything_that_a_rule_can_say_is_read() -> None:
    (found,) = read(FULL).rules
    assert (found.id, found.tools) == ("large", ("orders.cancel", "refunds.*"))
    assert found.effects == {Effect.DESTRUCTIVE}
    assert (found.when, found.verdict, found.message) == ("args.total > 100", Verdict.REVIEW, "A large one.")
    assert found.requires == Requirements(
        votes=2,
        rejects=2,
        groups=frozenset({"leads", "money"}),
        stages=frozenset({("support", "leads")}),
        reason=True,
        step_up=True,
        blind=True,
        other_than_editor=True,
        expires_in=172_800.0,
        remind_after=5_400.0,
        escalate_to=frozenset({"leads"}),
        sample=0.5,
        grace=30.0,
        tier=3,
        redact=frozenset({"args.card"}),
    )


def test_a_rule_asks_for_one_person_and_nothing_else_if_it_says_no_more() -> None:
    (found,) = read(rule("r", "review")).rules
    assert (found.requires, found.effects, found.when) == (Requirements(), frozenset(), None)


def test_the_example_of_the_documentation_is_sound_and_passes_its_tests() -> None:
    document = parse(example())
    assert len(document.rules) >= 4
    assert document.cases
    assert cases.failures(document) == []


def test_the_digest_is_that_of_the_meaning() -> None:
    plain = parse(file(rule("r", "deny")))
    spread = parse(
        file("- id: r\n  tools:\n    - '*'\n  verdict: deny\n  # a comment\n  message: 'said by r'\n")
    )
    other = parse(file(rule("r", "review")))
    assert plain.digest == spread.digest == stored.digest(plain).hex()
    assert plain.digest != other.digest


@pytest.mark.parametrize(
    ("rules", "line", "words"),
    [
        ("- {id: r, tools: [a], verdict: deny}", 5, "message is missing"),
        ("- {id: r, tools: [], verdict: deny, message: m}", 5, "at least 1 entry"),
        ("- {id: r, tools: ['a b'], verdict: deny, message: m}", 5, "or a glob with *"),
        ("- {id: r, tools: [a], verdict: dany, message: m}", 5, "did you mean 'deny'?"),
        ("- {id: R r, tools: [a], verdict: deny, message: m}", 5, "lower-case letters"),
        ("- id: r\n  tools: [a]\n  verdict: deny\n  message: m\n  wenn: 'true'", 9, "did you mean 'when'?"),
        (rule("a", "deny") + rule("a", "allow"), 6, "'a' is here twice (first in line 5)"),
        (rule("r", "deny", effects="[destroy]"), 5, "is not one of read, write, destructive"),
        (rule("r", "deny", effects="[]"), 5, "at least 1 entry"),
        (rule("r", "allow", requires="{votes: 2}"), 5, "a rule that says allow requires nothing"),
        (rule("r", "deny", requires="{reason: true}"), 5, "a rule that says deny requires nothing"),
        (rule("r", "review", requires="{}"), 5, "at least 1 entry"),
        (rule("r", "review", requires="{vote: 2}"), 5, "did you mean 'votes'?"),
        (rule("r", "review", requires="{votes: 0}"), 5, "allowed is 1..20"),
        (rule("r", "review", requires="{tier: 5}"), 5, "allowed is 1..4"),
        (rule("r", "review", requires="{sample: 0}"), 5, "allowed is 0.001..1"),
        (rule("r", "review", requires="{expires_in: 90}"), 5, "should be text"),
        (rule("r", "review", requires="{expires_in: 9 days}"), 5, "A number with a unit"),
        (rule("r", "review", requires="{grace: 400d}"), 5, "at most 366d"),
        (rule("r", "review", requires="{stages: [a, a]}"), 5, "an entry twice"),
        (rule("r", "review", requires="{remind_after: 2h, expires_in: 2h}"), 5, "when it has expired"),
        (rule("r", "review", requires="{grace: 3h, expires_in: 2h}"), 5, "no vote could count"),
        (rule("r", "review", requires="{escalate_to: leads}"), 5, "say remind_after too"),
        (rule("r", "review", requires="{redact: ['args[0]']}"), 5, "is not allowed here"),
        (rule("r", "deny", when="arg.total > 1"), 5, "did you mean `args`?"),
        (rule("r", "deny", when="args.total >"), 5, "column"),
        (rule("r", "deny", when="run.usage.steps > 1"), 5, "run has"),
        (rule("r", "deny", when="counts.same_succeded > 1"), 5, "did you mean 'same_succeeded'?"),
        (rule("r", "deny", when="true"), 5, "always holds; leave it out"),
        (rule("r", "deny", when="1 > 2"), 5, "can never match"),
        (rule("r", "deny", when="1 / 0 > 2"), 5, "fails on every call"),
        (rule("r", "deny", when="'text'"), 5, "fails on every call"),
        (rule("r", "deny", when="effect == 'delete'"), 5, "effect is never 'delete'"),
        (rule("r", "deny", when="effect == 'read'", effects="[write]"), 5, "effect is never 'read' here"),
        (rule("r", "deny", when="tool == 'b'", tools="a"), 5, "tool is never 'b' here"),
        (rule("r", "deny", when="args.a.b(1)"), 5, "unknown function"),
        ("- id: r\n  tools: [a]\n  verdict: deny\n  message: m\n  when: |\n    args.a > 1 &&\n    agrs.b > 1\n", 11, "did you mean `args`?"),
        ("- id: r\n  tools: [a]\n  verdict: deny\n  message: m\n  when: |\n    args.a > 1\n    && agent.nmae == 'x'\n", 11, "agent has"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_its_line(rules: str, line: int, words: str) -> None:
    problems = refused(file(rules))
    assert any(problem.startswith(f"{line}: ") and words in problem for problem in problems), problems


def test_name_of_a_page_about_policies_is_refused() -> None:
    (problem,) = refused(file(rule("r", "deny"), name="try"))
    assert problem.startswith("2: 'try' is the name of a page about policies")


TWO_ALIKE = """
tests:
  - {name: t, action: {tool: a}, expect: {verdict: deny}}
  - {name: t, action: {tool: b}, expect: {verdict: deny}}
"""


@pytest.mark.parametrize(
    ("tests", "line", "words"),
    [
        ("tests:\n  - {name: t, action: {tool: a}}", 7, "expect is missing"),
        ("tests:\n  - {name: t, action: {args: {}}, expect: {verdict: deny}}", 7, "tool is missing"),
        ("tests:\n  - {name: t, action: {tool: a, arg: {}}, expect: {verdict: deny}}", 7, "did you mean 'args'?"),
        ("tests:\n  - name: t\n    action: {tool: a}\n    expect: {verdict: deny, rules: [s]}", 9, "there is no rule 's'"),
        ("tests:\n  - {name: t, action: {tool: a}, expect: {verdict: deny, requires: {votes: 2}}}", 7, "only a review"),
        (
            TWO_ALIKE,
            8,
            "'t' is here twice (first in line 7)",
        ),
    ],
)  # fmt: skip
def test_a_wrong_test_is_refused_with_its_line(tests: str, line: int, words: str) -> None:
    problems = refused(file(rule("r", "deny"), more=tests))
    assert any(problem.startswith(f"{line}: ") and words in problem for problem in problems), problems


def test_all_problems_are_told_at_once() -> None:
    text = (
        rule("a", "deny", when="arg.x == 1") + rule("b", "maybe") + rule("c", "allow", requires="{votes: 2}")
    )
    assert [problem.split(":")[0] for problem in refused(file(text))] == ["5", "6", "7"]


def test_rules_for_tools_and_groups_that_do_not_exist_govern_nothing_and_are_refused() -> None:
    known = Known(tools=frozenset({"orders.cancel", "orders.read"}), groups=frozenset({"leads"}))
    read(rule("r", "review", tools="orders.*", requires="{groups: [leads]}"), known=known)
    text = file(
        rule("a", "deny", tools="orders.cancle")
        + rule("b", "deny", tools="refunds.*")
        + rule(
            "c", "review", requires="{groups: [lead], stages: [boss], remind_after: 1h, escalate_to: crew}"
        )
    )
    assert [problem.split(";")[0] for problem in refused(text, known=known)] == [
        "5: orders.cancle is no tool that is known, so nothing would be governed by it (did you mean 'orders.cancel'?)",
        "6: refunds.* stands for no tool that is known, so nothing would be governed by it",
        "7: there is no group 'lead' (did you mean 'leads'?)",
        "7: there is no group 'boss'",
        "7: there is no group 'crew'",
    ]


def test_a_file_of_another_kind_or_with_two_policies_is_refused() -> None:
    assert "a policy is expected" in refused("kind: workflow\nname: w\nspec: {}\n")[0]
    both = file(rule("r", "deny")) + "---\n" + file(rule("r", "deny"), name="q")
    assert "one policy is expected" in refused(both)[0]


def test_the_published_schema_is_a_schema_and_holds_for_what_parses() -> None:
    validator = jsonschema_rs.Draft202012Validator(schema.document())
    for text in (example(), file(FULL)):
        (envelope,) = envelopes(text)
        assert validator.is_valid(envelope.document)


def documented(heading: str) -> set[str]:
    """The names in the first column of the first table below a heading of the page about policies."""
    part = DOC.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = part.split("|---|", 1)[1].split("\n\n")[0].splitlines()[1:]
    return {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_every_field_and_name_is_explained_and_none_that_is_not_there() -> None:
    parts = schema.document()["$defs"]
    assert documented("A rule") == set(parts["rule"]["properties"])
    assert documented("What a review can require") == set(parts["requires"]["properties"])
    assert documented("Conditions") == set(VARIABLES)
    told = DOC.read_text(encoding="utf-8").split("\n## Conditions\n")[1]
    for name, members in MEMBERS.items():
        row = next(
            line for line in told.splitlines() if line.startswith("|") and f"`{name}`" in line.split("|")[1]
        )
        assert set(members) <= set(re.findall(r"`(\w+)`", row.split("|")[2])), name
