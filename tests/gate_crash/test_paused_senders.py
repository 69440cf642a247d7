"""Workers that stand still at the gate until others have gone on: back again, they send nothing and write nothing."""

from __future__ import annotations

import signal

from orchestra.contracts import Reply
from orchestra.engine import claim, execute, history
from orchestra.engine.case import Case
from orchestra.engine.connections import borrow, now
from orchestra.engine.surroundings import Shared, Surroundings
from orchestra.models import AuditEvent, Run, Step, ToolCall
from tests.conftest import Spawned
from tests.crash.stage import kill, tell
from tests.gate_crash import commits
from tests.gate_crash.stage import PATIENCE, CrashStage
from tests.store.shop import cancellation, order_in
from tests.waiting import until

CANCEL = {"call": "cancel_pending_order", "with": cancellation()}
SHORT = {"ORCHESTRA_LEASE": "2"}
#: Its heart stands still, so that nothing tells it of the loss before it comes to write.
NO_HEART = {"ORCHESTRA_HEARTBEAT": "3600", "ORCHESTRA_SWEEP": "3600"}
GATE = ("orchestra_dispatch", "NEW.n = 1")


def test_worker_that_stood_still_after_the_gate_does_not_send_when_its_time_is_over(
    stage: CrashStage, world: str
) -> None:
    """Nothing but the time protects a call without a key: a person has found by now that nothing happened."""
    tool = stage.variant(
        "variant.opaque", of="cancel_pending_order", delivery="opaque", without=["key", "lookup"]
    )
    with commits.held(stage.database, *GATE) as commit:
        old = stage.working(**SHORT)
        run = stage.begin(world, {"call": tool, "with": cancellation()})
        stage.approving(commit.reached, what="the gate's commit")
        tell(old, signal.SIGSTOP)
        commit.keep()
    new = stage.working(**SHORT)
    stage.becomes(run, "unknown")
    stage.answer(run, {"happened": False, "note": "there is nothing"})
    stage.ends(run)
    before = record_of(stage, run)
    kill(new)
    tell(old, signal.SIGCONT)
    works_on(stage, old, world)
    assert stage.wire.sent("POST", f"/{world}/tools/cancel") == []
    assert stage.shop.effects(world) == []
    assert record_of(stage, run) == before
    stage.sound()


def test_reply_that_comes_to_a_worker_after_another_has_sent_again_is_not_written(
    stage: CrashStage, world: str
) -> None:
    holds = [stage.wire.hold("POST", f"/{world}/", nth=n, done=True) for n in (1, 2)]
    old = stage.working(**SHORT, **NO_HEART)
    run = stage.begin(world, CANCEL)
    stage.approving(holds[0].reached.is_set, what="the first sending")
    tell(old, signal.SIGSTOP)
    new = stage.working()
    until(holds[1].reached.is_set, within=PATIENCE, what="the second sending")
    before = record_of(stage, run)
    holds[0].let_go()
    tell(old, signal.SIGCONT)
    old.says("fence.lost")
    assert record_of(stage, run) == before
    holds[1].let_go()
    stage.ends(run)
    assert (stage.begun(run), len(stage.shop.effects(world))) == (2, 1)
    assert {one.worker_id for one in stage.sendings(run)} == {stage.row(each).pk for each in (old, new)}
    stage.sound()


def test_reply_is_written_only_under_the_fence_of_its_sending(stage: CrashStage, world: str) -> None:
    hold = stage.wire.hold("POST", f"/{world}/")
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    kill(worker)
    (sending,) = stage.sendings(run)
    assert recorded(run, fence=sending.fence) == "succeeded"
    assert recorded(run, fence=sending.fence + 1) == "dispatched"


def recorded(run: Run, *, fence: int) -> str:
    """The state of the call after a good reply came to the holder of this fence; nothing of it is kept."""
    run = Run.objects.select_related("deployment__environment").get(pk=run.pk)
    run.fence = fence
    flight = claim.flight_of(run, now(), seen=run.wake)
    claim.load([flight])
    (step,) = Step.objects.filter(run=run)
    case = Case(
        flight, flight.nodes[step.path, step.item], Surroundings(flight, Shared()), history.load(run).of(step)
    )
    (call,) = case.talk.calls
    try:
        with borrow():
            execute.record(case, call, Reply(200, {"content-type": "application/json"}, b"{}", 0.1))
            raise Undone
    except Undone:
        return str(call.state)


class Undone(Exception):
    """Take all of it back."""


def record_of(stage: CrashStage, run: Run) -> list[object]:
    """What is written of a run, its call and its sendings, to compare."""
    told = AuditEvent.objects.filter(chain=run.uid).values_list("pk", "subject", "target", "reason")
    steps = Step.objects.filter(run=run).values_list("pk", "state", "waits_until", "output")
    calls = ToolCall.objects.filter(run=run).values_list("pk", "state", "result", "finished_at")
    sendings = [(one.pk, one.outcome, one.status, one.finished_at) for one in stage.sendings(run)]
    return [*told.order_by("pk"), *steps, *calls, *sendings]


def works_on(stage: CrashStage, worker: Spawned, world: str) -> None:
    """Wait until a worker that is alone has done something else: what it was about to do is done by then."""
    order = order_in("pending")["order_id"]
    stage.ends(stage.begin(f"{world}-more", {"call": "get_order_details", "with": {"order_id": order}}))
    until(lambda: stage.row(worker).fences_lost == 1, within=PATIENCE, what="the loss is counted")
