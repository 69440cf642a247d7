"""A stored policy is the policy, and its own tests are run on it."""

from __future__ import annotations

import pytest

from orchestra import canonical
from orchestra.errors import Bug, Invalid
from orchestra.policies import cases, stored
from orchestra.policies.judge import judge
from orchestra.policies.parse import parse
from tests.policies.files import action, example, file, read, rule


def test_what_is_stored_comes_back_and_judges_alike() -> None:
    made = parse(example())
    data = canonical.parse(canonical.encode(stored.dump(made)), limits=canonical.RESULTS)
    back = stored.load(data, version=3, author="ann")
    assert (back.name, back.description, back.rules, back.cases) == (
        made.name,
        made.description,
        made.rules,
        made.cases,
    )
    assert back.digest == made.digest
    assert cases.failures(back) == []
    hit = judge(
        action(tool="anything"), [stored.load(stored.dump(read(rule("r", "deny"))), version=3, author="ann")]
    ).hits[0]
    assert (hit.version, hit.author, hit.rule) == (3, "ann", "r")


def test_data_of_a_newer_format_or_of_another_kind_is_refused() -> None:
    with pytest.raises(Invalid, match="upgrade"):
        stored.load({"format": 2}, version=1, author="")
    for data in (
        None,
        {"format": 1},
        {"format": "1"},
        {"format": 1, "name": "n", "description": "", "rules": [1], "tests": []},
    ):
        with pytest.raises(Bug):
            stored.load(data, version=1, author="")  # type: ignore[arg-type]  # whatever a database may hold


ERROR = "p v0, rule s: `args.x`: `args.x` is missing; `args` has nothing"
TESTS = """
tests:
  - {name: fine, action: {tool: a}, expect: {verdict: review, rules: [r], requires: {votes: 2, expires_in: 60m}}}
  - {name: wrong verdict, action: {tool: a}, expect: {verdict: allow}}
  - {name: wrong rules, action: {tool: b}, expect: {verdict: review, rules: [r]}}
  - {name: wrong votes, action: {tool: a}, expect: {verdict: review, requires: {votes: 3}}}
  - {name: an error, action: {tool: c}, expect: {verdict: deny}}
  - {name: an error expected, action: {tool: c}, expect: {verdict: deny, errors: 1}}
  - {name: not granted, action: {tool: a, granted: false}, expect: {verdict: deny, rules: []}}
"""


def test_each_failing_test_is_told_with_its_line_and_what_came_out() -> None:
    text = rule("r", "review", tools="a", requires="{votes: 2, expires_in: 1h}") + rule(
        "s", "deny", tools="c", when="args.x"
    )
    document = parse(file(text, more=TESTS))
    said = [f"{problem.line}: {problem.message}" for problem in cases.failures(document)]
    assert said == [
        "9: test 'wrong verdict' fails: expected allow, but it says review (by r)",
        "10: test 'wrong rules' fails: expected the rules r, but none match",
        "11: test 'wrong votes' fails: expected votes to be 3, but it is 2",
        "12: test 'an error' fails: expected 0 errors of evaluation, but there are 1: " + ERROR,
    ]
    with pytest.raises(Invalid, match="wrong verdict"):
        cases.check(document)
