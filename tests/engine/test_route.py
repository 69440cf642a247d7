"""Steps of kind route: the first case that holds chooses the way; the other ways are skipped."""

from __future__ import annotations

import pytest

from orchestra.errors import Invalid
from tests.engine.stage import Stage

WAY = """
    way:
      kind: route
      routes:
        - {when: input.n > 10, to: large}
        - {when: input.n > 5, to: middle}
        - {to: small}
    large: {kind: python, function: t.same, with: {value: large}}
    middle: {kind: python, function: t.same, with: {value: middle}}
    small: {kind: python, function: t.same, with: {value: small}}
    end: {kind: python, function: t.echo, needs: [large, middle, small], join: any}
"""


@pytest.mark.parametrize(("n", "way"), [(11, "large"), (10, "middle"), (5, "small")])
def test_first_case_that_holds_is_taken(shared: Stage, n: int, way: str) -> None:
    run = shared.play(WAY, {"n": n})
    assert shared.step(run, "way").output == {"to": way}
    states = shared.states(run)
    assert states.pop(way) == states.pop("way") == states.pop("end") == "succeeded"
    assert set(states.values()) == {"skipped"}


def test_case_that_cannot_be_evaluated_fails_the_route(shared: Stage) -> None:
    run = shared.play(WAY, {"m": 1})
    assert run.state == "escalated"
    question = shared.question(run)
    assert question.context["failure_class"] == "data_mismatch"
    assert "n" in question.title


def test_person_can_say_where_a_failed_route_goes(shared: Stage) -> None:
    run = shared.play(WAY, {"m": 1})
    shared.answer(run, {"action": "output", "output": {"to": "middle"}})
    run = shared.rest(run)
    assert run.state == "succeeded"
    assert shared.states(run)["middle"] == "succeeded"


@pytest.mark.parametrize("given", [{"to": "nowhere"}, {}, None, "middle", {"to": 1}])
def test_person_cannot_send_a_route_where_it_does_not_go(shared: Stage, given: object) -> None:
    """Otherwise the steps behind would wait for a way that nobody took."""
    run = shared.play(WAY, {"m": 1})
    with pytest.raises(Invalid, match="output"):
        shared.answer(run, {"action": "output", "output": given})
    assert shared.question(run).state == "open"
