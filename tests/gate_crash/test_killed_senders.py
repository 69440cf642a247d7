"""Workers that die between any two moments of a call: it takes effect once, and its run ends."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis

from orchestra.local.valkey import Valkey
from orchestra.models import Proposal, ToolCall
from tests.crash.stage import kill
from tests.engine.stage import again
from tests.gate_crash import commits
from tests.gate_crash.commits import Commit
from tests.gate_crash.stage import PATIENCE, WINDOW, CrashStage
from tests.store.shop import cancellation
from tests.waiting import until

CANCEL = {"call": "cancel_pending_order", "with": cancellation()}
TURN = ("orchestra_turn", "NEW.number = 0")
PROPOSAL = ("orchestra_proposal", "NEW.state = 'pending'")
GATE = ("orchestra_dispatch", "NEW.n = 1")
RESULT = ("orchestra_toolcall", "NEW.state = 'succeeded'")
GATE_AGAIN = ("orchestra_dispatch", "NEW.n = 2")
KEPT, LOST = Commit.keep, Commit.lose


@pytest.mark.parametrize(
    ("row", "end", "sendings"),
    [
        pytest.param(TURN, LOST, 1, id="before the turn is written"),
        pytest.param(TURN, KEPT, 1, id="after the turn is written"),
        pytest.param(PROPOSAL, LOST, 1, id="before the proposal is written"),
        pytest.param(PROPOSAL, KEPT, 1, id="after the proposal is written"),
        pytest.param(GATE, LOST, 1, id="before the gate's commit"),
        pytest.param(GATE, KEPT, 2, id="after the gate's commit, before anything is sent"),
        pytest.param(RESULT, LOST, 2, id="after the reply, before the result is written"),
        pytest.param(RESULT, KEPT, 1, id="after the result is written, before the next step"),
    ],
)
def test_call_takes_effect_once_though_its_worker_dies(
    stage: CrashStage, world: str, row: tuple[str, str], end: Callable[[Commit], None], sendings: int
) -> None:
    with commits.held(stage.database, *row) as commit:
        worker = stage.working()
        run = stage.begin(world, CANCEL)
        stage.approving(commit.reached, what="the commit")
        kill(worker)
        end(commit)
    stage.working()
    stage.ends(run)
    assert stage.begun(run) == sendings
    once(stage, world)


def test_wake_up_after_a_vote_is_lost_and_the_call_is_sent_all_the_same(
    stage: CrashStage, world: str, valkey: Valkey
) -> None:
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    stage.proposal(run)
    until(lambda: again(run).state == "waiting", what="the worker has let go of the run")
    kill(worker)
    stage.approve_all()
    with redis.Redis.from_url(valkey.url()) as client:
        client.flushall()
    stage.working()
    stage.ends(run)
    assert stage.begun(run) == 1
    once(stage, world)


@pytest.mark.parametrize(
    ("texts", "nth", "done", "sendings"),
    [
        pytest.param(("GET", "/orders/"), 1, False, 1, id="while the witness is read for the first time"),
        pytest.param(("GET", "/orders/"), 2, False, 1, id="between the vote and the gate"),
        pytest.param(("POST",), 1, False, 2, id="after the request is sent, before the effect"),
        pytest.param(("POST",), 1, True, 2, id="after the effect, before the reply is read"),
    ],
)
def test_call_takes_effect_once_though_its_worker_dies_while_it_asks(
    stage: CrashStage, world: str, texts: tuple[str, ...], nth: int, done: bool, sendings: int
) -> None:
    hold = stage.wire.hold(*texts, f"/{world}/", nth=nth, done=done)
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    stage.replace(worker)
    stage.ends(run)
    hold.let_go()  # what was sent first reaches the shop last
    assert stage.begun(run) == sendings
    once(stage, world)


@pytest.mark.parametrize(
    ("end", "sendings"),
    [
        pytest.param(LOST, 2, id="before the second commit of the gate"),
        pytest.param(KEPT, 3, id="after the second commit of the gate"),
    ],
)
def test_second_worker_dies_at_the_gate_and_the_call_takes_effect_once(
    stage: CrashStage, world: str, end: Callable[[Commit], None], sendings: int
) -> None:
    hold = stage.wire.hold("POST", f"/{world}/", done=True)
    first = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    with commits.held(stage.database, *GATE_AGAIN) as commit:
        second = stage.replace(first)
        until(commit.reached, within=PATIENCE, what="the second sending")
        kill(second)
        end(commit)
    stage.working()
    stage.ends(run)
    assert stage.begun(run) == sendings
    once(stage, world)


def test_second_worker_dies_while_it_sends_again_and_the_call_takes_effect_once(
    stage: CrashStage, world: str
) -> None:
    holds = [stage.wire.hold("POST", f"/{world}/", nth=n, done=n == 2) for n in (1, 2)]
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    for hold in holds:
        stage.approving(hold.reached.is_set, what="the request")
        worker = stage.replace(worker)
    stage.ends(run)
    holds[0].let_go()
    assert stage.begun(run) == 3
    once(stage, world)


def test_second_worker_dies_as_it_takes_over_and_the_call_takes_effect_once(
    stage: CrashStage, world: str
) -> None:
    hold = stage.wire.hold("POST", f"/{world}/", done=True)
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    with commits.held(stage.database, "orchestra_run", "NEW.state = 'running'") as commit:
        worker = stage.replace(worker)
        until(commit.reached, within=PATIENCE, what="the claim")
        kill(worker)
        commit.keep()
    stage.working()
    stage.ends(run)
    # Where silence tells already when it claims, the claim sends again itself.
    assert stage.begun(run) in {2, 3}
    once(stage, world)


def test_second_sending_that_comes_too_late_proves_nothing_about_the_first(
    stage: CrashStage, world: str
) -> None:
    """It was done at the first sending: the shop's order is another one now, and nobody may be asked to do it anew."""
    hold = stage.wire.hold("POST", f"/{world}/", done=True)
    first = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    with commits.held(stage.database, *GATE_AGAIN) as commit:
        stage.replace(first)
        until(commit.reached, within=PATIENCE, what="the second sending")
        time.sleep(1.2 * WINDOW)
        commit.keep()

    def found_out() -> bool:
        stage.find_out()
        return again(run).state == "succeeded"

    stage.approving(found_out, what="the end of the run")
    once(stage, world)


def once(stage: CrashStage, world: str) -> None:
    """One call was made, it took effect once, and what reached the shop was the same each time."""
    (call,) = ToolCall.objects.exclude(effect="read")
    assert call.state in {"succeeded", "settled_done"}
    sendings = stage.wire.sent("POST", f"/{world}/")
    assert {(one.key, one.body) for one in sendings} == {(call.key, bytes(call.body or b""))}
    until(lambda: len(stage.shop.effects(world)) == 1, what="one effect")
    (proposal,) = Proposal.objects.all()
    assert (proposal.state, proposal.approvals.count()) == ("approved", 1)
    stage.sound()
