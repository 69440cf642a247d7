"""People decide at the same moment as others, as time runs out, as the run is cancelled: one outcome, one effect at most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import connections
from django.db.models.functions import Now

from orchestra.engine import cancel
from orchestra.errors import OrchestraError
from orchestra.models import Person, Proposal, Run
from reviews import decisions
from tests.engine.stage import again
from tests.gate.lines import CANCEL, DONE
from tests.gate.stage import GateStage
from tests.races.pairs import pair

ROUNDS = 20
Act = Callable[[], object]
Rules = Callable[..., None]
TWO_VOTES = {
    "id": "two", "tools": ["cancel_pending_order"], "verdict": "review", "message": "Two persons look at this.",
    "requires": {"votes": 2},
}  # fmt: skip


def asked(stage: GateStage, world: str) -> list[tuple[Run, str]]:
    """So many runs that wait for people, each in a world of its own."""
    workflow = stage.serving([CANCEL, DONE])
    runs = [(stage.ask(workflow, f"{world}-{n}"), f"{world}-{n}") for n in range(ROUNDS)]
    return [(stage.rest(run), where) for run, where in runs]


def attempt(act: Act) -> Callable[[], OrchestraError | None]:
    """The act; what it is refused with, if it is."""

    def play() -> OrchestraError | None:
        try:
            act()
        except OrchestraError as error:
            return error
        finally:
            connections.close_all()
        return None

    return play


def approving(stage: GateStage, run: Run, by: Person) -> Act:
    proposal = stage.proposal(run)
    return partial(decisions.approve, proposal.uid, by=by, digest=bytes(proposal.digest), reason="right")


def rejecting(stage: GateStage, run: Run, by: Person) -> Act:
    proposal = stage.proposal(run)
    return partial(decisions.reject, proposal.uid, by=by, digest=bytes(proposal.digest), reason="wrong")


def outcome(stage: GateStage, run: Run, world: str) -> tuple[str, str]:
    """How proposal and call have ended; the effect must be there exactly if the call succeeded."""
    run = stage.rest(run)
    (call,) = stage.calls(run)
    effects = stage.shop.effects(world)
    assert (len(effects), len(stage.sendings(run))) == ((1, 1) if call.state == "succeeded" else (0, 0))
    assert run.state in {"succeeded", "cancelled"}
    return Proposal.objects.get(toolcall=call).state, call.state


def test_two_last_votes_at_once_are_both_counted_and_have_one_effect(
    shared: GateStage, world: str, rules: Rules
) -> None:
    rules(TWO_VOTES)
    runs = asked(shared, world)
    with pair() as both:
        for run, _ in runs:
            acts = [approving(shared, run, by) for by in (shared.reviewer, shared.second_reviewer)]
            assert both.at_once(*map(attempt, acts)) == (None, None)
    for run, where in runs:
        assert outcome(shared, run, where) == ("approved", "succeeded")
        assert Proposal.objects.get(toolcall__run=run).approvals.count() == 2


def test_approval_against_rejection_has_one_winner(shared: GateStage, world: str) -> None:
    runs = asked(shared, world)
    expected = []
    with pair() as both:
        for run, _ in runs:
            approve = approving(shared, run, shared.reviewer)
            reject = rejecting(shared, run, shared.second_reviewer)
            yes, no = both.at_once(attempt(approve), attempt(reject))
            assert (yes is None) != (no is None), (yes, no)
            expected.append(("approved", "succeeded") if yes is None else ("rejected", "rejected"))
    assert [outcome(shared, run, where) for run, where in runs] == expected


def test_approval_against_expiry_has_one_winner(shared: GateStage, world: str) -> None:
    runs = asked(shared, world)
    refusals = []
    with pair() as both:
        for n, (run, _) in enumerate(runs):
            acts: tuple[Act, Act] = (
                approving(shared, run, shared.reviewer),
                partial(time_is_over, run, shared.proposal(run)),
            )
            delays = (0.0, n / 500) if n % 2 else (n / 500, 0.0)
            refusals.append(both.at_once(*map(attempt, acts), delays=delays)[0])
    for (run, where), refused in zip(runs, refusals, strict=True):
        end = outcome(shared, run, where)
        assert end in {("approved", "succeeded"), ("approved", "expired"), ("expired", "expired")}
        assert (refused is None) == (end[0] == "approved")


def time_is_over(run: Run, pending: Proposal) -> None:
    Proposal.objects.filter(pk=pending.pk, state="pending").update(expires_at=Now())
    Run.objects.filter(pk=run.pk, state="waiting").update(due_at=Now())


def test_approval_against_cancelling_leaves_nothing_open(shared: GateStage, world: str) -> None:
    runs = asked(shared, world)
    answers = []
    with pair() as both:
        for n, (run, _) in enumerate(runs):
            approve = approving(shared, run, shared.reviewer)
            stop = partial(cancel.request, uid=run.uid, by=shared.operator, reason="not needed")
            answers.append(both.at_once(attempt(approve), attempt(stop), delays=(0.0, n / 50)))
    for (run, where), (refused, late) in zip(runs, answers, strict=True):
        end = outcome(shared, run, where)
        assert end in {("approved", "succeeded"), ("approved", "cancelled"), ("cancelled", "cancelled")}
        assert (refused is None) == (end[0] == "approved")
        assert again(run).state == "cancelled" or late is not None
