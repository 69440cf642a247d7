"""Workflows that nobody thought of: whatever the arrows, joins and failures, a run ends or asks, and leaves nothing."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestra.errors import Invalid
from orchestra.models import HumanTask, Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again, database_time, names, wrongs

BODIES: dict[str, dict[str, Any]] = {
    "works": {"kind": "python", "function": "t.echo"},
    "fails": {"kind": "python", "function": "t.fail"},
    "flaky": {
        "kind": "python",
        "function": "t.flaky",
        "with": {"key": "{{ run.id }}", "failures": 1},
        "retry": {"attempts": 2, "first_wait": "5ms", "on": ["bug"]},
    },
    "asks": {"kind": "human", "title": "Well"},
    "asks in vain": {"kind": "human", "title": "Well", "timeout": "50ms"},
    "waits": {"kind": "wait", "for": "20ms"},
    "nothing": {"kind": "each", "items": [], "step": {"kind": "python", "function": "t.echo"}},
    "many": {"kind": "each", "items": [1, 2], "step": {"kind": "python", "function": "t.echo"}},
    "some fail": {
        "kind": "each",
        "items": [1, 2],
        "step": {"kind": "python", "function": "t.unless", "with": {"value": "{{ item }}", "bad": 2}},
    },
    "repeats": {
        "kind": "python",
        "function": "t.same",
        "with": {"value": 1},
        "repeat": {"until": "output == 2", "at_most": 2},
    },
    "unmet": {"kind": "python", "function": "t.echo", "requires": ["false"]},
    "skipped": {"kind": "python", "function": "t.echo", "if": "false"},
    "child": {"kind": "run", "workflow": "a-child"},
    "failing child": {"kind": "run", "workflow": "a-failing-child"},
}


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    """Two to seven steps in the order of their arrows; some routes, some that take over."""
    count = draw(st.integers(2, 7))
    steps: dict[str, dict[str, Any]] = {}
    for number in range(count):
        body = dict(BODIES[draw(st.sampled_from(sorted(BODIES)))])
        needs = draw(st.lists(st.sampled_from(sorted(steps)), unique=True, max_size=3)) if steps else []
        if needs:
            body["needs"] = needs
            joins = ["all", "any", len(needs), 1] + (["first"] if len(needs) > 1 else [])
            body["join"] = draw(st.sampled_from(joins))
        body["on_failure"] = draw(st.sampled_from(["escalate", "continue"]))
        steps[f"s{number}"] = body
    if draw(st.booleans()):
        _add_route(steps, draw)
    if draw(st.booleans()):
        source = draw(st.sampled_from(sorted(steps)))
        steps[source]["on_failure"] = "mend"
        steps["mend"] = dict(BODIES[draw(st.sampled_from(["works", "fails", "asks"]))])
    return steps


def _add_route(steps: dict[str, dict[str, Any]], draw: st.DrawFn) -> None:
    ends = draw(st.lists(st.sampled_from(sorted(steps)), unique=True, min_size=1, max_size=2))
    holds = draw(st.sampled_from(["true", "false", "input.missing"]))
    routes = [{"when": holds, "to": ends[0]}] if len(ends) > 1 else []
    steps["way"] = {"kind": "route", "routes": [*routes, {"to": ends[-1]}]}


def settle(stage: Stage, question: HumanTask, chance: random.Random) -> None:
    """Answer in one of the ways that the question offers."""
    if question.kind == "form":
        stage.answer_one(question, {"n": 1})
        return
    actions = question.form["properties"]["action"]["enum"]
    action = chance.choice([each for each in actions if each != "continue"])
    answer: dict[str, Any] = {"action": action}
    if action == "output":
        way = question.form["properties"]["output"].get("properties", {}).get("to", {"enum": [None]})
        answer["output"] = {"to": way["enum"][0]}
    stage.answer_one(question, answer)


def out_of_time(question: HumanTask) -> bool:
    """A form beside an escalation is closed only when the run goes on."""
    return question.expires_at is not None and question.expires_at <= database_time()


def family(run: Run) -> list[Run]:
    return list(Run.objects.filter(task=run.task_id))


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(steps=workflows(), seed=st.integers(0, 2**16))
def test_run_of_any_workflow_ends_or_asks_and_leaves_nothing_behind(
    shared: Stage, seen: Seen, steps: dict[str, Any], seed: int
) -> None:
    shared.publish("a: {kind: python, function: t.echo}", name="a-child")
    shared.publish("a: {kind: python, function: t.fail}", name="a-failing-child")
    try:
        name = shared.publish(json.dumps(steps, indent=1), name=f"any-{next(names)}")
    except Invalid:
        assume(False)
    chance = random.Random(seed)
    run = shared.rest(shared.submit(name))
    for _ in range(40):
        if run.finished_at is not None:
            break
        asked = [question for one in family(run) for question in shared.questions(one)]
        asked = [question for question in asked if not out_of_time(question)]
        assert asked, (run.state, shared.states(run), "waits for nobody")
        assert not any("Nothing is ready" in question.title for question in asked)
        assert not any("while deciding" in question.title for question in asked)
        settle(shared, chance.choice(asked), chance)
        run = shared.rest(run)
    assert again(run).finished_at is not None
    for one in family(run):
        shared.rest(one)
    assert wrongs() == {}
