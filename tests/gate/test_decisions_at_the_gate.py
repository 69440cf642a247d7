"""What people decide on calls, and what the engine makes of it: edits, changes, stale witnesses, several calls a turn."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.engine import cancel, halt
from orchestra.errors import Invalid, NotAllowed, StaleState
from orchestra.models import Proposal, Run, ToolCall
from orchestra.models.halts import Scope
from reviews import decisions
from tests.engine.stage import again
from tests.gate.stage import GateStage, Line
from tests.store.shop import address, cancellation, order_in
from tests.waiting import until

CANCEL = {"call": "cancel_pending_order", "with": cancellation()}


def move(order: str, **changes: str) -> dict[str, object]:
    return {"call": "modify_pending_order_address", "with": {"order_id": order, **address(**changes)}}


def edit(stage: GateStage, run: Run, **changes: str) -> dict[str, Any]:
    """The reviewer changes the arguments of what waits; the new arguments."""
    proposal = stage.proposal(run)
    wanted = {**dict(proposal.toolcall.arguments or {}), **changes}
    decisions.edit(
        proposal.uid, by=stage.reviewer, digest=bytes(proposal.digest), arguments=wanted, reason="as told"
    )
    return wanted


def test_edited_call_takes_the_place_of_the_first_and_the_editor_s_vote_counts(
    shared: GateStage, world: str
) -> None:
    run = shared.serve([move(order_in("pending")["order_id"]), {"say": "Done."}], world)
    wanted = edit(shared, run, address1="2 New Road")
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["superseded", "succeeded"])
    first, second = shared.calls(run)
    assert (second.parent, second.edited_by, second.arguments) == (first, shared.reviewer, wanted)
    (effect,) = shared.shop.effects(world)
    assert effect["key"] == second.key


def test_edited_call_of_a_high_tier_needs_another_person(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, {"say": "Done."}], world)
    edit(shared, run, reason="ordered by mistake")
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("waiting", ["superseded", "awaiting_approval"])
    with pytest.raises(NotAllowed):
        shared.approve(run, by=shared.reviewer)
    run = shared.approve(run, by=shared.second_reviewer)
    assert (run.state, shared.told(run)) == ("succeeded", ["superseded", "succeeded"])


def test_edit_that_changes_nothing_or_does_not_fit_is_refused(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL], world)
    proposal = shared.proposal(run)
    for arguments in (cancellation(), {"order_id": 5}):
        with pytest.raises(Invalid):
            decisions.edit(
                proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), arguments=arguments
            )
    assert Proposal.objects.get(pk=proposal.pk).state == "pending"
    shared.reject(run)


def test_requester_cannot_decide_by_editing(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL], world)
    proposal = shared.proposal(run)
    arguments = {**cancellation(), "reason": "ordered by mistake"}
    with pytest.raises(NotAllowed):
        decisions.edit(proposal.uid, by=shared.requester, digest=bytes(proposal.digest), arguments=arguments)
    shared.reject(run)


def test_returned_call_goes_back_to_the_agent_with_what_to_change(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, {"say": "I see."}], world)
    proposal = shared.proposal(run)
    decisions.ask_changes(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), reason="ask first")
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["returned"])


def test_call_whose_order_changed_since_it_was_shown_is_asked_about_again(
    shared: GateStage, world: str
) -> None:
    order = order_in("pending")["order_id"]
    run = shared.serve([move(order), {"say": "Done."}], world)
    other = {"order_id": order, **address(address1="7 Other Road")}
    assert shared.shop.call(world, "modify_pending_order_address", **other).status_code == 200
    run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("waiting", ["stale", "awaiting_approval"])
    assert len(shared.shop.effects(world)) == 1
    run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["stale", "succeeded"])
    assert len(shared.shop.effects(world)) == 2


def test_calls_of_one_turn_are_asked_about_at_once_and_sent_in_order(shared: GateStage, world: str) -> None:
    orders = [order_in("pending", place)["order_id"] for place in (0, 1)]
    run = shared.serve([{"calls": [move(order) for order in orders]}, {"say": "Done."}], world)
    first, second = Proposal.objects.filter(toolcall__run=run).order_by("toolcall__ordinal")
    for proposal in (second, first):
        decisions.approve(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), reason="fine")
        shared.rest(run)
        if proposal is second:
            assert shared.told(run) == ["awaiting_approval", "approved"]
    assert (again(run).state, shared.told(run)) == ("succeeded", ["succeeded", "succeeded"])
    assert [effect["key"] for effect in shared.shop.effects(world)] == [
        call.key for call in shared.calls(run)
    ]


def test_lost_reply_is_unknown_and_not_sent_a_second_time(shared: GateStage, world: str) -> None:
    shared.shop.faults(world, {"call": 1, "kind": "lost"})
    run = shared.approve(shared.serve([CANCEL, {"say": "Done."}], world))
    assert (run.state, shared.told(run), len(shared.sendings(run))) == ("waiting", ["unknown"], 1)
    assert len(shared.shop.effects(world)) == 1
    question = shared.question(run)
    assert question.kind == "unknown"
    shared.answer(run, {"happened": True, "note": "the shop's page shows it"})
    run = shared.rest(run)
    assert (run.state, shared.told(run), len(shared.sendings(run))) == ("succeeded", ["settled_done"], 1)


def test_refusal_of_the_shop_goes_to_the_agent(shared: GateStage, world: str) -> None:
    delivered = {**cancellation(), "order_id": order_in("delivered")["order_id"]}
    run = shared.approve(shared.serve([{**CANCEL, "with": delivered}, {"say": "I see."}], world))
    assert (run.state, shared.told(run)) == ("succeeded", ["failed"])
    assert shared.call(run).failure_class == "tool_refused"


def test_nothing_is_sent_while_halted_and_it_is_sent_once_afterwards(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, {"say": "Done."}], world)
    switch = halt.set_on(Scope.RUN, by=shared.operator, reason="look first", run=run)
    shared.approve(run, rest=False)
    until(lambda: shared.told(run) == ["approved"], what="the call approved")
    assert shared.shop.effects(world) == []
    halt.lift(uid=switch.uid, by=shared.operator, reason="looked")
    run = shared.rest(run)
    assert (run.state, shared.told(run), len(shared.shop.effects(world))) == ("succeeded", ["succeeded"], 1)


def test_cancelled_run_takes_its_question_back(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, {"say": "Done."}], world)
    proposal = shared.proposal(run)
    cancel.request(uid=run.uid, by=shared.operator, reason="not needed")
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("cancelled", ["cancelled"])
    assert Proposal.objects.get(pk=proposal.pk).state == "cancelled"
    with pytest.raises(StaleState):
        decisions.approve(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest))


def test_unknown_tools_and_unreadable_arguments_are_refused_and_kept(shared: GateStage, world: str) -> None:
    script: list[Line] = [
        {"call": "sell_everything", "with": {}},
        {"call": "think", "with": "{not json"},
        {"call": "think", "with": '{"thought": "a", "thought": "b"}'},
        {"call": "think", "with": {"unheard": 1}},
        {"say": ""},
        {"say": "Well."},
    ]
    run = shared.serve(script, world)
    assert (run.state, shared.told(run)) == ("succeeded", ["refused"] * 4)
    assert bytes(shared.calls(run)[1].raw or b"") == b"{not json"
    assert ToolCall.objects.filter(run=run, digest__isnull=False).count() == 0


def test_tool_step_waits_for_people_too(shared: GateStage, world: str) -> None:
    step = {
        "kind": "tool",
        "tool": "cancel_pending_order",
        "with": {"order_id": "{{ input.order }}", "reason": "no longer needed"},
    }
    given = {"order": order_in("pending")["order_id"]}
    run = shared.rest(shared.ask(shared.workflow({"cancel": step}), world, given))
    assert (run.state, shared.told(run)) == ("waiting", ["awaiting_approval"])
    run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    assert (run.output or {})["cancel"]["status"] == "cancelled"


def test_rejected_tool_step_fails_its_run_s_way(shared: GateStage, world: str) -> None:
    step = {"kind": "tool", "tool": "cancel_pending_order", "with": cancellation()}
    run = shared.reject(shared.rest(shared.ask(shared.workflow({"cancel": step}), world)), "keep it")
    assert (run.state, shared.told(run)) == ("escalated", ["rejected"])
    assert "keep it" in shared.question(run).context["error"]


def test_policies_alone_decide_in_mode_execution(shared: GateStage, world: str) -> None:
    shared.policy(
        {"id": "fine", "tools": ["cancel_pending_order"], "verdict": "allow", "message": "Cancelling is harmless.",
         "when": "args.reason == 'no longer needed'"},
        {"id": "never", "tools": ["cancel_pending_order"], "verdict": "deny", "message": "No mistakes here.",
         "when": "args.reason != 'no longer needed'"},
    )  # fmt: skip
    mistake = {**CANCEL, "with": {**cancellation(), "reason": "ordered by mistake"}}
    run = shared.serve([mistake, CANCEL, {"say": "Done."}], world, mode="execution")
    assert (run.state, shared.told(run)) == ("succeeded", ["denied", "succeeded"])
    assert "No mistakes here." in shared.calls(run)[0].error
    shared.policy({"id": "none", "tools": ["think"], "verdict": "allow", "message": "Thinking is free."})


def test_agent_that_hands_over_escalates(shared: GateStage, world: str) -> None:
    run = shared.serve(
        [{"call": "transfer_to_human_agents", "with": {"summary": "help"}}, {"say": "x"}], world
    )
    assert (run.state, shared.told(run)) == ("escalated", ["succeeded"])
    assert shared.question(run).context["ended"] == "handed_off"
    assert len(shared.turns(run)) == 1
