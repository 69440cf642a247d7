"""Rules that change while a call waits: stricter ones reach it at the gate, looser ones do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestra.errors import NotAllowed
from orchestra.models import Deployment, Proposal, Ruling, Run, User
from tests.gate.lines import DONE, MOVE
from tests.gate.stage import GateStage

Rules = Callable[..., None]


def rule(verdict: str = "review", message: str = "Somebody looks.", **more: Any) -> dict[str, Any]:
    return {"id": "moves", "tools": [MOVE["call"]], "verdict": verdict, "message": message} | more


def approved(stage: GateStage, run: Run, change: Callable[[], object]) -> Run:
    """Approve; before the gate something changes."""
    with stage.held(run):
        stage.approve(run, rest=False)
        change()
    return stage.rest(run)


def test_rule_that_denies_now_stops_what_was_approved(shared: GateStage, world: str, rules: Rules) -> None:
    run = shared.serve([MOVE, DONE], world)
    run = approved(shared, run, lambda: rules(rule("deny", "No moves today.")))
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["denied"], [])
    call = shared.call(run)
    assert (call.failure_class, call.error) == ("policy_block", "No moves today.")
    assert shared.shop.effects(world) == []


def test_rule_that_wants_more_votes_now_makes_them_ask_again(
    shared: GateStage, world: str, rules: Rules
) -> None:
    run = shared.serve([MOVE, DONE], world)
    run = approved(shared, run, lambda: rules(rule(requires={"votes": 2})))
    assert (shared.told(run), shared.sendings(run)) == (["superseded", "awaiting_approval"], [])
    assert shared.proposal(run).votes_needed == 2
    run = shared.approve(run)
    assert shared.told(run) == ["superseded", "awaiting_approval"]
    run = shared.approve(run, by=shared.second_reviewer)
    assert shared.told(run) == ["superseded", "succeeded"]
    assert len(shared.shop.effects(world)) == 1


def test_rule_that_wants_others_now_makes_them_ask_again(shared: GateStage, world: str, rules: Rules) -> None:
    run = shared.serve([MOVE, DONE], world)
    run = approved(shared, run, lambda: rules(rule(requires={"groups": ["operators"]})))
    assert (shared.told(run), shared.sendings(run)) == (["superseded", "awaiting_approval"], [])
    with pytest.raises(NotAllowed, match="operators"):
        shared.approve(run)
    assert shared.told(shared.approve(run, by=shared.operator)) == ["superseded", "succeeded"]


def test_what_earlier_rules_wanted_stays_when_others_want_something_else(
    shared: GateStage, world: str, rules: Rules
) -> None:
    rules(rule(requires={"groups": ["operators"]}))
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, by=shared.operator, rest=False)
        rules(rule(requires={"votes": 2}))
    run = shared.rest(run)
    wanted = shared.proposal(run).requirements
    assert (wanted["groups"], wanted["votes"]) == (["operators"], 2)
    shared.reject(run, by=shared.operator)


def test_looser_rule_lets_nothing_pass_that_waits(shared: GateStage, world: str, rules: Rules) -> None:
    rules(rule(requires={"votes": 2}))
    run = shared.serve([MOVE, DONE], world, mode="execution")
    run = shared.approve(run)
    rules(rule("allow", "Moves are fine."))
    assert shared.told(shared.rest(run)) == ["awaiting_approval"]
    run = shared.approve(run, by=shared.second_reviewer)
    assert (shared.told(run), len(shared.shop.effects(world))) == (["succeeded"], 1)


def test_looser_rule_does_not_make_up_for_a_vote_that_is_void(
    shared: GateStage, world: str, rules: Rules
) -> None:
    guest = shared.person(["reviewers"])
    rules(rule(requires={"votes": 2}))
    run = shared.approve(shared.serve([MOVE, DONE], world, mode="execution"))

    def loosen() -> None:
        User.objects.get(person=guest).groups.clear()
        rules(rule("allow", "Moves are fine."))

    with shared.held(run):
        shared.approve(run, by=guest, rest=False)
        loosen()
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["superseded", "awaiting_approval"], [])
    assert shared.proposal(run).votes_needed == 2
    shared.reject(run)


def test_looser_rule_does_not_widen_what_is_asked_again(shared: GateStage, world: str, rules: Rules) -> None:
    rules(rule(requires={"votes": 2}))
    run = shared.serve([MOVE, DONE], world, mode="execution")
    shared.approve(run)
    with shared.held(run):
        shared.approve(run, by=shared.second_reviewer, rest=False)
        shared.shop.call(world, MOVE["call"], **{**MOVE["with"], "city": "Elsewhere"})
        rules(rule("allow", "Moves are fine."))
    run = shared.rest(run)
    assert shared.told(run) == ["stale", "awaiting_approval"]
    assert shared.proposal(run).votes_needed == 2
    shared.reject(run)


def waiting_behind(stage: GateStage, world: str, rules: Rules) -> tuple[Run, str]:
    """A run, and the tool of its second write: a rule allows it, and it waits for the first, which people decide on."""
    first, second = (stage.tool("modify_user_address") for _ in (0, 1))
    rules(
        rule("allow", "These are fine.", tools=[second]),
        {"id": "look", "tools": [first], "verdict": "review", "message": "Look at it."},
    )
    lines = [{"calls": [stage.line(first), stage.line(second, address1="2 New Road")]}, DONE]
    run = stage.serve(lines, world, grants=[first, second], mode="execution")
    assert stage.told(run) == ["awaiting_approval", "approved"]
    return run, second


@pytest.mark.parametrize(
    ("verdict", "state"), [("deny", "denied"), ("review", "awaiting_approval"), ("allow", "succeeded")]
)
def test_what_a_rule_has_allowed_is_judged_again_at_the_gate(
    shared: GateStage, world: str, rules: Rules, verdict: str, state: str
) -> None:
    run, tool = waiting_behind(shared, world, rules)
    rules(rule(verdict, tools=[tool]))
    run = shared.approve(run)
    assert shared.told(run) == ["succeeded", state]
    if state == "awaiting_approval":
        run = shared.approve(run)
        assert shared.told(run) == ["succeeded", "succeeded"]
    assert run.state == "succeeded"


def test_mode_that_asks_people_now_asks_about_what_a_rule_has_allowed(
    shared: GateStage, world: str, rules: Rules
) -> None:
    run, _ = waiting_behind(shared, world, rules)
    Deployment.objects.filter(pk=run.deployment_id).update(mode="proposal")
    run = shared.approve(run)
    assert shared.told(run) == ["succeeded", "awaiting_approval"]
    assert shared.told(shared.approve(run)) == ["succeeded", "succeeded"]


def test_each_passing_keeps_what_it_was_judged_by(shared: GateStage, world: str, rules: Rules) -> None:
    rules(rule())
    run = shared.approve(shared.serve([MOVE, DONE], world))
    moments = Ruling.objects.filter(toolcall__run=run).order_by("pk").values_list("moment", "verdict")
    assert list(moments) == [("propose", "review"), ("gate", "review")]
    assert Proposal.objects.get(toolcall__run=run).ruling.moment == "propose"


def test_rule_that_cannot_be_evaluated_any_more_denies(shared: GateStage, world: str, rules: Rules) -> None:
    run = shared.serve([MOVE, DONE], world)
    broken = rule("allow", "Never mind.", when="args.nothing.of_the_kind == 1")
    run = approved(shared, run, lambda: rules(broken))
    assert (shared.told(run), shared.sendings(run)) == (["denied"], [])
