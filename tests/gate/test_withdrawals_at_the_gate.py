"""A vote that is taken back inside of the grace window has no effect, whatever the worker does at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models.functions import Now

from orchestra.errors import StaleState
from orchestra.models import Proposal, Run
from reviews import decisions
from tests.gate.lines import CANCEL, DONE, MOVE
from tests.gate.stage import GateStage
from tests.gate.test_votes_race import asked, attempt
from tests.races.pairs import pair

Rules = Callable[..., None]


def slow(tool: str) -> Mapping[str, Any]:
    """A rule whose decisions count after ten minutes."""
    said = {"id": "slow", "tools": [tool], "verdict": "review", "message": "Think it over."}
    return {**said, "requires": {"grace": "10m"}}


def window_ends(proposal: Proposal) -> None:
    Proposal.objects.filter(pk=proposal.pk).update(effective_at=Now())
    Run.objects.filter(pk=proposal.toolcall.run_id, state="waiting").update(due_at=Now())


def test_withdrawn_vote_has_no_effect_and_a_new_one_has_one(
    shared: GateStage, world: str, rules: Rules
) -> None:
    rules(slow(str(MOVE["call"])))
    run = shared.approve(shared.serve([MOVE, DONE], world))
    proposal = shared.proposal(run)
    decisions.withdraw(proposal.uid, by=shared.reviewer)
    Run.objects.filter(pk=run.pk, state="waiting").update(due_at=Now())
    run = shared.rest(run)
    assert (run.state, shared.told(run), shared.sendings(run)) == ("waiting", ["awaiting_approval"], [])
    run = shared.approve(run)
    window_ends(shared.proposal(run))
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    assert len(shared.shop.effects(world)) == 1


def test_withdrawing_against_sending_has_one_winner(shared: GateStage, world: str, rules: Rules) -> None:
    rules(slow(str(CANCEL["call"])))
    runs = asked(shared, world)
    refusals = []
    with pair() as both:
        for n, (run, _) in enumerate(runs):
            run = shared.approve(run)
            proposal = shared.proposal(run)

            def take_back(proposal: Proposal = proposal) -> None:
                decisions.withdraw(proposal.uid, by=shared.reviewer)

            def end(proposal: Proposal = proposal) -> None:
                window_ends(proposal)

            delays = (0.0, 0.0) if n % 2 else (n / 400, 0.0)
            refusals.append(both.at_once(attempt(take_back), attempt(end), delays=delays)[0])
    for (run, where), refused in zip(runs, refusals, strict=True):
        run = shared.rest(run)
        ended = (shared.told(run), len(shared.sendings(run)), len(shared.shop.effects(where)))
        assert ended == ((["awaiting_approval"], 0, 0) if refused is None else (["succeeded"], 1, 1))
        assert refused is None or isinstance(refused, StaleState)
        if refused is None:
            shared.reject(run)
