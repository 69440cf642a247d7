"""An error inside deciding, or a checkpoint that cannot be written, becomes a question; other runs go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until

STEPS = """
    a: {kind: python, function: t.count, with: {key: a}}
    b: {kind: python, function: t.count, with: {key: b}, needs: a}
"""


def misled(spec: dict[str, Any]) -> dict[str, Any]:
    """The same spec with a failure edge to a step that is not there: deciding what comes next fails."""
    first, *rest = spec["steps"]
    return {**spec, "steps": [{**first, "on_failure": "nowhere"}, *rest]}


def unfit(spec: dict[str, Any]) -> dict[str, Any]:
    """The same spec with a kind of step that has no such name in the database."""
    first, *rest = spec["steps"]
    return {
        **spec,
        "steps": [{**first, "name": "x" * 200}, *[{**step, "needs": ["x" * 200]} for step in rest]],
    }


CHANGES = {"deciding": misled, "writing": unfit}


@pytest.mark.parametrize("what", CHANGES)
def test_run_that_cannot_go_on_asks_the_owner_and_says_so(shared: Stage, seen: Seen, what: str) -> None:
    name = shared.publish(STEPS)
    shared.store(name, CHANGES[what])
    run = shared.state(shared.submit(name), "escalated")
    question = shared.question(run)
    assert (question.kind, question.step, question.group.name) == ("escalation", None, "operators")
    assert question.context["failure_class"] == "bug"


@pytest.mark.parametrize("what", CHANGES)
def test_other_runs_go_on_beside_it(shared: Stage, seen: Seen, what: str) -> None:
    good, bad = shared.publish(STEPS), shared.publish(STEPS)
    shared.store(bad, CHANGES[what])
    with shared.nobody_working():
        runs = [shared.submit(name) for name in (good, bad, good, bad, good)]
    for run in runs:
        assert shared.rest(run).state == ("escalated" if run.deployment.workflow.name == bad else "succeeded")


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize(("action", "state"), [("fail", "failed"), ("cancel", "cancelled")])
def test_such_a_run_can_be_ended(shared: Stage, seen: Seen, what: str, action: str, state: str) -> None:
    name = shared.publish(STEPS)
    shared.store(name, CHANGES[what])
    run = shared.state(shared.submit(name), "escalated")
    shared.answer(run, {"action": action})
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == (state, [])


def test_such_a_run_asks_again_when_it_is_only_continued(shared: Stage, seen: Seen) -> None:
    name = shared.publish(STEPS)
    shared.store(name, misled)
    run = shared.state(shared.submit(name), "escalated")
    first = shared.question(run)
    shared.answer(run, {"action": "continue"})
    until(lambda: shared.questions(run), what="the next question")
    assert shared.question(run) != first
    assert shared.rest(run).state == "escalated"


def test_run_in_flight_goes_on_while_another_cannot_be_decided(shared: Stage, seen: Seen) -> None:
    good = shared.start("a: {kind: python, function: t.gate, with: {key: good}}")
    until(lambda: "good" in seen.begun, what="the good run's step at work")
    bad = shared.publish(STEPS)
    shared.store(bad, unfit)
    shared.state(shared.submit(bad), "escalated")
    assert again(good).state == "running"
    seen.gates["good"].set()
    assert shared.rest(good).output == {"a": {"key": "good"}}
    assert seen.calls["good"] == 1
