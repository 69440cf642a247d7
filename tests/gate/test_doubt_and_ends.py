"""Runs that end, fail or go on while calls are under way: nothing is left open, and nothing more is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from orchestra.engine import cancel, fork, halt
from orchestra.errors import Halted, NotAllowed, StaleState
from orchestra.models import AuditEvent, Edit, HumanTask, Proposal, Run, Step
from orchestra.models.halts import Scope
from reviews import decisions
from tests.engine.stage import forget
from tests.gate.owner import alter
from tests.gate.stage import GateStage
from tests.store.shop import address, cancellation, order_in
from tests.waiting import until

ORDERS = [order_in("pending", place)["order_id"] for place in (0, 1)]
CANCEL: dict[str, Any] = {"kind": "tool", "tool": "cancel_pending_order", "with": cancellation()}
FAILS = {"kind": "tool", "tool": "get_order_details", "with": {"order_id": "#nothing"}, "needs": "later"}
#: One branch fails once the other one waits for people.
BRANCHES = {"later": {"kind": "wait", "for": "2s"}, "a": FAILS, "b": CANCEL}


def move(order: str, **changes: str) -> dict[str, Any]:
    return {"call": "modify_pending_order_address", "with": {"order_id": order, **address(**changes)}}


def expiring(stage: GateStage) -> None:
    """A rule that gives people an hour."""
    rule = {"id": "hour", "tools": ["cancel_pending_order"], "verdict": "review", "message": "An hour."}
    stage.policy({**rule, "requires": {"expires_in": "1h"}}, name="hour")


def test_halt_is_lifted_though_an_approved_call_waits_for_it(shared: GateStage, world: str) -> None:
    expiring(shared)
    run = shared.rest(shared.ask(shared.workflow({"cancel": CANCEL}), world))
    switch = halt.set_on(Scope.RUN, by=shared.operator, reason="wait", run=run)
    shared.approve(run, rest=False)
    halt.lift(uid=switch.uid, by=shared.operator, reason="go on")
    run = shared.rest(run)
    assert (run.state, shared.told(run), len(shared.shop.effects(world))) == ("succeeded", ["succeeded"], 1)


def test_under_a_halt_nobody_decides_what_has_run_out_and_its_time_comes_back(
    shared: GateStage, world: str
) -> None:
    expiring(shared)
    run = shared.rest(shared.ask(shared.workflow({"cancel": CANCEL}), world))
    proposal = shared.proposal(run)
    switch = halt.set_on(Scope.RUN, by=shared.operator, reason="wait", run=run)
    Proposal.objects.filter(pk=proposal.pk).update(expires_at=switch.created_at)
    with pytest.raises(Halted):
        shared.approve(run, rest=False)
    assert Proposal.objects.get(pk=proposal.pk).state == "pending"
    Proposal.objects.filter(pk=proposal.pk).update(expires_at=None)
    halt.lift(uid=switch.uid, by=shared.operator, reason="go on")
    assert shared.approve(run).state == "succeeded"


def test_editor_stays_the_editor_when_the_call_is_asked_about_again(shared: GateStage, world: str) -> None:
    run = shared.serve([{"call": "cancel_pending_order", "with": cancellation()}, {"say": "Done."}], world)
    proposal = shared.proposal(run)
    wanted = {**cancellation(), "reason": "ordered by mistake"}
    decisions.edit(
        proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), arguments=wanted, reason="as told"
    )
    shared.rest(run)
    other = {"order_id": cancellation()["order_id"], **address()}
    assert shared.shop.call(world, "modify_pending_order_address", **other).status_code == 200
    run = shared.approve(run, by=shared.second_reviewer)
    assert shared.told(run) == ["superseded", "stale", "awaiting_approval"]
    with pytest.raises(NotAllowed):
        shared.approve(run, by=shared.reviewer)
    run = shared.approve(run, by=shared.second_reviewer)
    assert (run.state, shared.told(run)[-1]) == ("succeeded", "succeeded")
    assert [call.edited_by for call in shared.calls(run)] == [None, shared.reviewer, shared.reviewer]
    assert Edit.objects.filter(proposal__toolcall__run=run).count() == 1


def test_call_in_doubt_past_the_time_of_its_step_is_waited_for_quietly(shared: GateStage, world: str) -> None:
    shared.shop.faults(world, {"call": 1, "kind": "lost"})
    run = shared.rest(shared.ask(shared.workflow({"cancel": {**CANCEL, "timeout": "1h"}}), world))
    run = shared.approve(run)
    assert shared.told(run) == ["unknown"]
    _its_time_is_over(run, "cancel")
    assert shared.beats(3)
    before = _claims(run)
    assert shared.beats(3)
    assert _claims(run) == before
    shared.answer(run, {"happened": True, "note": "seen in the shop"})
    assert shared.rest(run).state == "succeeded"


def _its_time_is_over(run: Run, path: str) -> None:
    Step.objects.filter(run=run, path=path, item=-1).update(deadline_at=Now())
    Run.objects.filter(pk=run.pk).update(due_at=Now())


def _claims(run: Run) -> int:
    return AuditEvent.objects.filter(chain=run.uid, reason="claimed").count()


def test_run_does_not_succeed_before_a_call_in_doubt_is_settled(shared: GateStage, world: str) -> None:
    shared.shop.faults(world, {"tool": "cancel_pending_order", "call": 1, "kind": "lost"})
    items = {"kind": "each", "items": [cancellation()], "on_failure": "continue", "timeout": "1h"}
    workflow = shared.workflow({"many": {**items, "step": {**CANCEL, "with": "{{ item }}"}}})
    run = shared.approve(shared.rest(shared.ask(workflow, world)))
    assert shared.told(run) == ["unknown"]
    _its_time_is_over(run, "many")
    until(lambda: shared.states(run).get("many") == "failed", what="the items given up")
    assert shared.rest(run).state == "waiting"
    assert HumanTask.objects.get(run=run, kind="unknown").state == "open"
    shared.answer(run, {"happened": True, "note": "seen in the shop"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["settled_done"])


def test_branch_of_a_run_that_fails_sends_nothing_more(shared: GateStage, world: str) -> None:
    run = shared.rest(shared.ask(shared.workflow(BRANCHES), world))
    assert run.state == "escalated"
    proposal = shared.proposal(run)
    decisions.approve(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), reason="fine")
    question = HumanTask.objects.get(run=run, kind="escalation", state="open")
    shared.answer_one(question, {"action": "fail"})
    run = shared.rest(run)
    assert (run.state, sorted(shared.told(run))) == ("failed", ["cancelled", "failed"])
    assert shared.shop.effects(world) == []


def test_limit_of_calls_counts_what_is_still_being_read(shared: GateStage, world: str) -> None:
    script = [{"calls": [move(ORDERS[0], address1=f"{n} Road") for n in range(6)]}]
    run = shared.serve(script, world, limits={"tool_calls": 3})
    assert (run.state, shared.calls(run)) == ("escalated", [])
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("waiting", ["awaiting_approval"] * 6)
    cancel.request(uid=run.uid, by=shared.operator, reason="enough")
    assert shared.rest(run).state == "cancelled"


def test_deep_arguments_are_judged_or_refused_and_break_nothing(shared: GateStage, world: str) -> None:
    deep: Any = "x"
    for _ in range(62):
        deep = [deep]
    run = shared.serve([{"call": "think", "with": json.dumps({"thought": deep})}, {"say": "Well."}], world)
    assert (run.state, shared.told(run)) == ("succeeded", ["refused"])


def test_run_whose_call_is_not_settled_cannot_be_forked(shared: GateStage, world: str) -> None:
    run = shared.rest(shared.ask(shared.workflow(BRANCHES), world))
    assert run.state == "escalated"
    with pytest.raises(StaleState, match="not settled"):
        fork.run(uid=run.uid, checkpoint=0, by=shared.operator, reason="again")
    cancel.request(uid=run.uid, by=shared.operator, reason="enough")
    assert shared.rest(run).state == "cancelled"


def test_same_call_is_sampled_alike_however_often_it_is_asked_for(shared: GateStage, world: str) -> None:
    free = {"id": "free", "tools": ["cancel_pending_order"], "verdict": "allow", "message": "Free."}
    shared.policy(free, name="hour")
    script = [{"call": "cancel_pending_order", "with": cancellation()}] * 3
    run = shared.serve(script, world, mode="sampled", limits={"repeats": 0})
    states = shared.told(run)
    while "awaiting_approval" in states:
        run = shared.reject(run)
        states = shared.told(run)
    assert states in (["rejected"] * 3, ["succeeded", "failed", "failed"])


def roll_back(stage: GateStage, run: Run) -> None:
    """The run's version is of a newer release than this one, and the run is to be looked at."""
    alter(stage.database, [(run.version, {"spec": {"format": 99}})])
    forget()
    Run.objects.filter(pk=run.pk).update(due_at=Now(), wake=F("wake") + 1)
    stage.state(run, "escalated")


def test_run_that_cannot_be_read_is_cancelled_with_its_proposal(shared: GateStage, world: str) -> None:
    run = shared.serve([{"call": "cancel_pending_order", "with": cancellation()}], world)
    proposal = shared.proposal(run)
    roll_back(shared, run)
    cancel.request(uid=run.uid, by=shared.operator, reason="nobody can read it")
    run = shared.rest(run)
    proposal.refresh_from_db()
    assert (run.state, shared.told(run), proposal.state) == ("cancelled", ["cancelled"], "cancelled")


def test_run_that_cannot_be_read_ends_once_its_call_in_doubt_is_settled(
    shared: GateStage, world: str
) -> None:
    shared.shop.faults(world, {"call": 1, "kind": "lost"})
    run = shared.approve(shared.rest(shared.ask(shared.workflow({"cancel": CANCEL}), world)))
    assert shared.told(run) == ["unknown"]
    roll_back(shared, run)
    cancel.request(uid=run.uid, by=shared.operator, reason="nobody can read it")
    assert shared.rest(run).state == "waiting"
    shared.answer(run, {"happened": True, "note": "seen in the shop"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("cancelled", ["settled_done"])
