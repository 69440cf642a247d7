"""What rules ask of the votes themselves, asked again at the gate: a reason, a fresh sign-in, fewer against, less time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestra.models import Proposal, Run
from reviews import decisions
from tests.gate.lines import DONE
from tests.gate.stage import GateStage
from tests.waiting import until

Rules = Callable[..., None]


@pytest.fixture
def tool(shared: GateStage) -> str:
    """A tool of a low tier, of which nobody needs a reason."""
    return shared.tool("modify_user_address")


def waiting(stage: GateStage, world: str, tool: str) -> Run:
    """A run that waits for people to decide on this tool."""
    return stage.serve([stage.line(tool), DONE], world, grants=[tool])


def vote(proposal: Proposal, by: Any, verdict: str = "approve", reason: str = "") -> None:
    """One vote without more than is asked for."""
    take = decisions.approve if verdict == "approve" else decisions.reject
    take(proposal.uid, by=by, digest=bytes(proposal.digest), reason=reason)


@pytest.mark.parametrize("wanted", [{"reason": True}, {"step_up": True}, {}])
def test_votes_without_what_is_asked_for_now_are_asked_for_again(
    shared: GateStage, world: str, rules: Rules, tool: str, wanted: dict[str, Any]
) -> None:
    run = waiting(shared, world, tool)
    with shared.held(run):
        vote(shared.proposal(run), shared.reviewer)
        rules(_rule(tool, wanted))
    run = shared.rest(run)
    if not wanted:
        assert shared.told(run) == ["succeeded"]
        return
    assert (shared.told(run), shared.sendings(run)) == (["superseded", "awaiting_approval"], [])
    assert shared.proposal(run).requirements.items() >= wanted.items()
    shared.reject(run)


@pytest.mark.parametrize(("rejects", "told"), [(1, ["superseded", "awaiting_approval"]), (3, ["succeeded"])])
def test_one_against_it_is_enough_now_where_it_was_not_before(
    shared: GateStage, world: str, rules: Rules, tool: str, rejects: int, told: list[str]
) -> None:
    rules(_rule(tool, {"rejects": 2}))
    run = waiting(shared, world, tool)
    with shared.held(run):
        proposal = shared.proposal(run)
        vote(proposal, shared.second_reviewer, "reject", "I would not.")
        vote(proposal, shared.reviewer)
        rules(_rule(tool, {"rejects": rejects}))
    run = shared.rest(run)
    assert shared.told(run) == told
    if told[-1] == "awaiting_approval":
        shared.reject(run)


@pytest.mark.parametrize(("allowed", "state", "sent"), [("1s", "superseded", 0), ("1h", "succeeded", 1)])
def test_approval_that_took_longer_than_the_rules_give_now_is_asked_for_again(
    shared: GateStage, world: str, rules: Rules, tool: str, allowed: str, state: str, sent: int
) -> None:
    run = waiting(shared, world, tool)
    with shared.held(run):
        proposal = shared.proposal(run)
        vote(proposal, shared.reviewer)
        until(lambda: _age(proposal) > 1.2, what="a question that is older than a second")
        rules(_rule(tool, {"expires_in": allowed}))
    run = shared.rest(run)
    assert (shared.told(run)[0], len(shared.sendings(run))) == (state, sent)


def _age(proposal: Proposal) -> float:
    """Seconds since it was asked, by the database's clock."""
    query = "SELECT extract(epoch FROM clock_timestamp() - created_at) AS age, id FROM orchestra_proposal WHERE id = %s"
    row: Any = Proposal.objects.raw(query, [proposal.pk])[0]
    return float(row.age)


def _rule(tool: str, wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "look",
        "tools": [tool],
        "verdict": "review",
        "message": "Somebody looks.",
        "requires": {"votes": 1, **wanted},
    }
