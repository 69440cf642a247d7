"""What was approved is what is sent: bytes that are not the ones of the digest, and votes on others, let nothing pass."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestra.errors import StaleState
from orchestra.models import Proposal, Run, ToolCall
from reviews import decisions
from tests.engine.stage import database_time
from tests.gate.lines import CANCEL, DONE, MOVE
from tests.gate.owner import alter, flips
from tests.gate.stage import GateStage

MANY = 45
#: A write with a short body, of which nothing is to be seen in the shop.
SHORT: dict[str, Any] = {
    "effect": "write", "delivery": "key", "key": {"header": "Idempotency-Key", "life": "24h"}, "sentence": "Note {thought}",
}  # fmt: skip
CAUGHT = ("denied", "bug")


def play(stage: GateStage, world: str, tool: str, first: int) -> tuple[Run, int]:
    """A turn of calls that are approved, each changed in one other sign before the gate: from that one on, of so many."""
    line = {"call": tool, "with": {"thought": "a"}}
    run = stage.serve([{"calls": [line] * MANY}, DONE], world, grants=[tool])
    with stage.held(run):
        for proposal in Proposal.objects.filter(toolcall__run=run):
            decisions.approve(proposal.uid, by=stage.reviewer, digest=bytes(proposal.digest), reason="right")
        calls = stage.calls(run)
        changes = [
            (call, dict([flip])) for n, call in enumerate(calls) for flip in flips(call)[first + n :][:1]
        ]
        alter(stage.database, changes)
    return run, len(flips(calls[0]))


def test_every_sign_of_the_request_that_is_changed_after_the_approval_is_noticed(
    shared: GateStage, world: str, caplog: pytest.LogCaptureFixture
) -> None:
    tool = shared.tool("think", **SHORT)
    first, count = 0, 1
    while first < count:
        run, count = play(shared, f"{world}-{first}", tool, first)
        run = shared.rest(run, within=120)
        changed = shared.calls(run)[: count - first]
        assert {(call.state, call.failure_class) for call in changed} == {CAUGHT}
        assert len(shared.sendings(run)) == MANY - len(changed)
        first += MANY
    assert [record.msg for record in caplog.records].count("gate.tampered") == count


@pytest.mark.parametrize(
    "columns",
    [
        {"arguments": {**MOVE["with"], "city": "Elsewhere"}},
        {"witness": {}},
        {"witness": None},
        {"tool_name": "modify_user_address"},
        {"key": "another"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_other_things_that_belong_to_the_call_are_noticed_too(
    shared: GateStage, world: str, columns: dict[str, Any]
) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, rest=False)
        alter(shared.database, [(shared.call(run), columns)])
    run = shared.rest(run)
    assert shared.calls(run)[0].state in {"denied", "stale"}
    assert (shared.sendings(run), shared.shop.effects(world)) == ([], [])


def test_request_and_digest_changed_together_are_not_what_people_agreed_to(
    shared: GateStage, world: str
) -> None:
    run, other = (shared.serve([MOVE, DONE], f"{world}-{n}") for n in (0, 1))
    with shared.held(run):
        shared.approve(run, rest=False)
        digest = bytes(shared.call(other).digest or b"")
        alter(shared.database, [(Proposal.objects.get(toolcall__run=run), {"digest": digest})])
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["denied"], [])
    assert shared.call(run).failure_class == "bug"
    shared.reject(other)


def test_approval_that_has_run_out_since_lets_nothing_pass(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, rest=False)
        over = database_time() - timedelta(seconds=1)
        alter(shared.database, [(Proposal.objects.get(toolcall__run=run), {"expires_at": over})])
    run = shared.rest(run)
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["expired"], [])


def test_approval_cannot_be_given_twice(shared: GateStage, world: str) -> None:
    run = shared.serve([CANCEL, DONE], world)
    proposal = shared.proposal(run)
    shared.approve(run)
    for by in (shared.reviewer, shared.second_reviewer):
        with pytest.raises(StaleState):
            decisions.approve(proposal.uid, by=by, digest=bytes(proposal.digest), reason="again")
    assert (len(shared.sendings(run)), len(shared.shop.effects(world))) == (1, 1)


def test_approval_of_a_call_says_nothing_of_the_one_in_its_place(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world)
    first = shared.proposal(run)
    shared.shop.call(world, MOVE["call"], **{**MOVE["with"], "city": "Elsewhere"})
    run = shared.approve(run)
    assert shared.told(run) == ["stale", "awaiting_approval"]
    for uid in (first.uid, shared.proposal(run).uid):
        with pytest.raises(StaleState):
            decisions.approve(uid, by=shared.reviewer, digest=bytes(first.digest), reason="as before")
    run = shared.reject(run)
    assert len(shared.shop.effects(world)) == 1


def test_same_call_of_another_run_needs_an_approval_of_its_own(shared: GateStage, world: str) -> None:
    first, second = (shared.serve([MOVE, DONE], world) for _ in range(2))
    digests = {bytes(ToolCall.objects.get(run=run).digest or b"") for run in (first, second)}
    assert len(digests) == 2
    proposal, seen = shared.proposal(second), bytes(shared.proposal(first).digest)
    with pytest.raises(StaleState):
        decisions.approve(proposal.uid, by=shared.reviewer, digest=seen, reason="right")
    for run in (first, second):
        shared.reject(run)
