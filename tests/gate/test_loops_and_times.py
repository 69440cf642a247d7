"""Agents that go in circles, and tool steps whose time is over."""

from __future__ import annotations

from orchestra.engine.loops import circle
from orchestra.models import Proposal, Run, Step
from tests.engine.stage import again
from tests.gate.stage import GateStage, Line
from tests.store.shop import cancellation, order_in
from tests.waiting import until

ORDER = order_in("pending")["order_id"]
LOOK = {"call": "get_order_details", "with": {"order_id": ORDER}}
OTHER = {"call": "list_all_product_types", "with": {}}


def test_runaway_is_stopped_as_a_loop_and_may_be_let_go_on(shared: GateStage, world: str) -> None:
    run = shared.serve([LOOK], world, forever=True, limits={"repeats": 3})
    question = shared.question(run)
    assert (run.state, len(shared.calls(run))) == ("escalated", 3)
    assert (question.context["limit"], question.context["failure_class"]) == ("repeats", "loop")
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, len(shared.calls(run))) == ("escalated", 6)
    shared.answer(run, {"action": "cancel"})
    assert shared.rest(run).state == "cancelled"


def test_circle_of_several_calls_is_a_loop_too(shared: GateStage, world: str) -> None:
    run = shared.serve([LOOK, OTHER], world, forever=True, limits={"repeats": 2})
    assert (run.state, len(shared.calls(run))) == ("escalated", 4)
    assert "2 calls 2 times" in shared.question(run).title


def test_faults_that_are_tried_again_are_no_loop(shared: GateStage, world: str) -> None:
    shared.shop.faults(world, {"call": 1, "kind": "error", "times": 4})
    script: list[Line] = [*[LOOK] * 5, {"say": "At last."}]
    run = shared.serve(script, world, limits={"repeats": 2})
    assert (run.state, shared.told(run)) == ("succeeded", ["failed"] * 4 + ["succeeded"])


def test_no_loop_is_looked_for_where_none_is_wanted(shared: GateStage, world: str) -> None:
    run = shared.serve([LOOK], world, forever=True, limits={"repeats": 0, "tool_calls": 12})
    assert (run.state, shared.question(run).context["limit"]) == ("escalated", "tool_calls")
    assert len(shared.calls(run)) == 12


def test_shortest_circle_counts() -> None:
    a, b = b"a", b"b"
    assert circle([b, a, a, a], 3) == 1
    assert circle([a, b, a, b], 2) == 2
    assert circle([a, b, a, a], 3) is None
    assert circle([], 2) is None


def test_tool_step_that_nobody_decides_in_time_fails_and_its_call_is_called_off(
    shared: GateStage, world: str
) -> None:
    step = {"kind": "tool", "tool": "cancel_pending_order", "with": cancellation(), "timeout": "1h"}
    run = shared.rest(shared.ask(shared.workflow({"cancel": step}), world))
    proposal = shared.proposal(run)
    assert again(run).due_at is not None
    moment = shared.step(run, "cancel").started_at
    Step.objects.filter(run=run).update(deadline_at=moment)
    Run.objects.filter(pk=run.pk).update(due_at=moment)
    until(lambda: again(run).state == "escalated", what="the run escalated")
    assert shared.told(run) == ["cancelled"]
    assert shared.question(run).context["failure_class"] == "tool_timeout"
    assert Proposal.objects.get(pk=proposal.pk).state == "cancelled"
    shared.answer(run, {"action": "retry"})
    run = shared.rest(run)
    assert shared.told(run) == ["cancelled", "awaiting_approval"]
    assert shared.approve(run).state == "succeeded"
    assert len(shared.shop.effects(world)) == 1
