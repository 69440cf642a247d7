"""Requirements as they are stored, and the order of stages."""

from __future__ import annotations

import pytest

from orchestra import canonical
from orchestra.contracts import Requirements
from orchestra.policies import requirements

FULL = Requirements(
    votes=2,
    groups=frozenset({"b", "a"}),
    stages=frozenset({("x", "y"), ("a",)}),
    expires_in=60.0,
    escalate_to=frozenset({"leads"}),
    sample=0.25,
    tier=3,
    redact=frozenset({"args.card"}),
)


def test_stored_requirements_are_plain_sorted_and_complete() -> None:
    written = requirements.written(FULL)
    assert written["groups"] == ["a", "b"]
    assert written["stages"] == [["a"], ["x", "y"]]
    assert set(written) == set(Requirements.__slots__)
    stored = canonical.parse(canonical.encode(written))
    assert isinstance(stored, dict)
    assert requirements.read(stored) == FULL


def test_what_is_not_stored_has_its_default() -> None:
    assert requirements.read({}) == Requirements()
    assert requirements.read({"votes": 2, "expires_in": 60}) == Requirements(votes=2, expires_in=60.0)


@pytest.mark.parametrize(
    ("chains", "order"),
    [
        ([], []),
        ([("a", "b", "c")], ["a", "b", "c"]),
        ([("a", "c"), ("b",)], ["ab", "c"]),
        ([("a", "b"), ("b", "c")], ["a", "b", "c"]),
        ([("b", "c"), ("a", "c"), ("c", "d")], ["ab", "c", "d"]),
        ([("a", "b"), ("b", "a")], ["ab"]),
        ([("x", "a", "b"), ("b", "a")], ["x", "ab"]),
    ],
)
def test_stages_of_several_rules_keep_each_order_as_far_as_they_agree(
    chains: list[tuple[str, ...]], order: list[str]
) -> None:
    assert [set(stage) for stage in requirements.in_order(frozenset(chains))] == [set(each) for each in order]
