"""Limits stop a run where it stands and ask a person; questions run out of time; votes with a grace window count later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from orchestra.errors import Expired, StaleState
from orchestra.models import Proposal, Run
from reviews import decisions
from tests.gate.adapters import SAYINGS, words
from tests.gate.lines import DONE, MOVE
from tests.gate.stage import GateStage, Line

Rules = Callable[..., None]


def thoughts(count: int, **more: Any) -> list[Line]:
    return [{"call": "think", "with": {"thought": f"thought {n}"}, **more} for n in range(count)]


LIMITS: dict[str, tuple[object, dict[str, Any], int]] = {
    "turns": (2, {}, 2),
    "tool_calls": (2, {}, 2),
    "tokens": (100, {"input_tokens": 30, "output_tokens": 20}, 2),
    "cost": ("1.00 USD", {"cost": "0.50", "currency": "USD"}, 2),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limit_that_is_reached_asks_a_person_who_may_give_as_much_again(
    shared: GateStage, world: str, limit: str
) -> None:
    most, spent, calls = LIMITS[limit]
    run = shared.serve([*thoughts(5, **spent), DONE], world, limits={limit: most})
    for times in (1, 2):
        assert (run.state, shared.told(run)) == ("escalated", ["succeeded"] * calls * times)
        context = shared.question(run).context
        assert (context["limit"], context["failure_class"]) == (limit, "limit")
        shared.answer(run, {"action": "continue"})
        run = shared.rest(run)
    assert run.state == ("escalated" if limit == "turns" else "succeeded")


def test_money_of_another_currency_does_not_count(shared: GateStage, world: str) -> None:
    script = [*thoughts(3, cost="9.00", currency="EUR"), DONE]
    assert shared.serve(script, world, limits={"cost": "1.00 USD"}).state == "succeeded"


def test_calls_of_one_turn_stop_at_the_limit_in_their_order(shared: GateStage, world: str) -> None:
    run = shared.serve([{"calls": thoughts(5)}, DONE], world, limits={"tool_calls": 3})
    assert (run.state, shared.told(run)) == ("escalated", ["succeeded"] * 3)
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"] * 5)


def test_calls_that_are_still_read_for_count_too(shared: GateStage, world: str) -> None:
    other = {**MOVE, "with": {**MOVE["with"], "city": "Elsewhere"}}
    run = shared.serve([{"calls": [MOVE, other]}, DONE], world, limits={"tool_calls": 1})
    assert (run.state, shared.sendings(run)) == ("escalated", [])
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("waiting", ["awaiting_approval"] * 2)
    for proposal in Proposal.objects.filter(toolcall__run=run):
        decisions.reject(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), reason="no")
    assert shared.rest(run).state == "succeeded"


def asking(**requires: Any) -> dict[str, Any]:
    return {
        "id": "look",
        "tools": [MOVE["call"]],
        "verdict": "review",
        "message": "Look at it.",
        "requires": requires,
    }


def over(run: Run, column: str) -> None:
    """As if the time had passed."""
    past = Now() - timedelta(seconds=1)
    Proposal.objects.filter(toolcall__run=run, state="pending").update(**{column: past})
    Run.objects.filter(pk=run.pk, state="waiting").update(due_at=Now())


def test_question_that_nobody_answers_in_time_is_closed_and_the_agent_is_told(
    shared: GateStage, world: str, rules: Rules
) -> None:
    rules(asking(expires_in="1h"))
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": MOVE["call"], "arguments": dict(MOVE["with"])},
    }
    SAYINGS[world] = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    run = shared.serve([], world, adapter="tests.gate.adapters.Odd", saying=world)
    proposal = shared.proposal(run)
    assert proposal.expires_at is not None
    assert abs(proposal.expires_at - proposal.created_at - timedelta(hours=1)) < timedelta(minutes=1)
    over(run, "expires_at")
    run = shared.rest(run)
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["expired"], [])
    (told,) = words(world)
    assert told.startswith("Error: ")
    assert "Nobody decided in time." in told
    with pytest.raises(Expired):
        decisions.approve(proposal.uid, by=shared.reviewer, digest=bytes(proposal.digest), reason="late")


def test_vote_with_a_grace_window_counts_at_its_end(shared: GateStage, world: str, rules: Rules) -> None:
    rules(asking(grace="10m"))
    run = shared.approve(shared.serve([MOVE, DONE], world))
    assert (run.state, shared.told(run), shared.sendings(run)) == ("waiting", ["awaiting_approval"], [])
    over(run, "effective_at")
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    assert len(shared.shop.effects(world)) == 1


def test_rejection_inside_the_grace_window_wins(shared: GateStage, world: str, rules: Rules) -> None:
    rules(asking(grace="10m"))
    run = shared.approve(shared.serve([MOVE, DONE], world))
    run = shared.reject(run, by=shared.second_reviewer)
    assert (run.state, shared.told(run)) == ("succeeded", ["rejected"])
    over(run, "effective_at")
    assert shared.told(shared.rest(run)) == ["rejected"]
    assert shared.shop.effects(world) == []


def test_vote_that_is_void_at_the_end_of_the_grace_window_does_not_count(
    shared: GateStage, world: str, rules: Rules
) -> None:
    rules(asking(grace="10m"))
    guest = shared.person(["reviewers"])
    run = shared.approve(shared.serve([MOVE, DONE], world), by=guest)
    guest.accounts.get().groups.clear()
    over(run, "effective_at")
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["awaiting_approval"], [])
    run = shared.approve(run)
    assert (shared.told(run), len(shared.shop.effects(world))) == (["succeeded"], 1)


def test_window_is_no_second_chance_for_the_same_person(shared: GateStage, world: str, rules: Rules) -> None:
    rules(asking(grace="10m"))
    run = shared.approve(shared.serve([MOVE, DONE], world))
    with pytest.raises(StaleState):
        shared.approve(run)
    shared.reject(run, by=shared.second_reviewer)
