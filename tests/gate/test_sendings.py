"""In which order calls are sent, how late, how often: nothing overtakes a write, and nothing is repeated on a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestra.engine import history
from orchestra.engine.conductor import Conductor
from orchestra.engine.session import Session
from orchestra.models import Epoch, Run
from tests.engine.stage import database_time
from tests.gate.lines import DONE, MOVE
from tests.gate.owner import alter
from tests.gate.stage import GateStage, Line
from tests.waiting import until

Rules = Callable[..., None]
LOOK: Line = {"call": "get_order_details", "with": {"order_id": MOVE["with"]["order_id"]}}
SUM: Line = {"call": "calculate", "with": {"expression": "1 + 1"}}


def test_read_does_not_overtake_a_write_before_it(shared: GateStage, world: str) -> None:
    run = shared.serve([{"calls": [MOVE, LOOK]}, DONE], world)
    assert (shared.told(run), shared.sendings(run)) == (["awaiting_approval", "approved"], [])
    run = shared.approve(run)
    assert shared.told(run) == ["succeeded", "succeeded"]
    assert (shared.call(run).result or {})["address"]["address1"] == MOVE["with"]["address1"]


def test_read_overtakes_a_read_and_a_write_overtakes_nothing(
    shared: GateStage, world: str, rules: Rules
) -> None:
    tool = shared.tool("modify_user_address")
    rules(
        {"id": "look", "tools": ["get_order_details"], "verdict": "review", "message": "Look at it."},
        {"id": "fine", "tools": [tool], "verdict": "allow", "message": "These are fine."},
    )
    calls = [LOOK, SUM, shared.line(tool), {**SUM, "with": {"expression": "1 + 2"}}]
    grants = ["get_order_details", "calculate", tool]
    run = shared.serve([{"calls": calls}, DONE], world, grants=grants, mode="execution")
    assert shared.told(run) == ["awaiting_approval", "succeeded", "approved", "approved"]
    assert shared.shop.effects(world) == []
    run = shared.approve(run)
    assert shared.told(run) == ["succeeded"] * 4
    sent = [each.toolcall_id for each in shared.sendings(run)]
    first, second, third, fourth = (call.pk for call in shared.calls(run))
    assert sent == [second, first, third, fourth]


def test_call_that_changes_again_and_again_is_given_up_and_the_agent_is_told(
    shared: GateStage, world: str
) -> None:
    run = shared.serve([MOVE, DONE], world)
    for n in range(history.MOST_REVISIONS + 1):
        other = {**MOVE["with"], "address1": f"{n} Other Road"}
        assert shared.shop.call(world, MOVE["call"], **other).status_code == 200
        run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["stale"] * (history.MOST_REVISIONS + 1))
    assert shared.sendings(run) == []


def test_gate_goes_by_what_is_stored_and_not_by_what_a_worker_remembers(
    shared: GateStage, world: str
) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.nobody_working():
        shared.approve(run, rest=False)
        with_hands(lambda: alter(shared.database, [(shared.call(run), {"body": b"{}"})]))
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["denied"], [])
    assert shared.shop.effects(world) == []


def test_what_was_decided_before_the_database_was_restored_is_asked_about_again(
    shared: GateStage, world: str
) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, rest=False)
        Epoch.objects.create(reason="restored")
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    assert shared.told(shared.approve(run)) == ["stale", "succeeded"]
    assert len(shared.shop.effects(world)) == 1


def with_hands(change: Callable[[], object]) -> None:
    """A worker that looks at what it is to send; something changes; then it goes on to the gate, and gives back."""
    session = Session("with hands", 5)
    conductor = Conductor(session, slots=5)
    conductor.nudge()
    conductor._collect()
    conductor._round()
    (flight,) = conductor.flights.values()
    assert conductor._waiting, "it reads the state of the order first"
    change()
    conductor._begin()
    while not flight.arrivals:
        conductor._collect()
    conductor._round()
    conductor.stop()
    conductor.run()
    session.close()


def died(stage: GateStage, world: str, **changes: Any) -> Run:
    """A run whose worker died between the gate and the sending."""
    tool = stage.tool("modify_user_address", **changes)
    run = stage.serve([stage.line(tool), DONE], world, grants=[tool])
    with stage.nobody_working():
        stage.approve(run, rest=False)
        session = Session("one that dies", 5)
        conductor = Conductor(session, slots=5)
        conductor.nudge()
        conductor._collect()
        conductor._round()
        session.close()
    (sending,) = stage.sendings(run)
    assert (stage.told(run), sending.outcome) == (["dispatched"], "")
    alter(stage.database, [(sending, {"settles_at": database_time() - timedelta(seconds=1)})])
    return stage.rest(run)


def test_call_of_a_dead_worker_is_sent_again_with_its_key(shared: GateStage, world: str) -> None:
    run = died(shared, world)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    first, second = shared.sendings(run)
    assert (first.outcome, second.outcome, first.key) == ("unknown", "succeeded", second.key)
    assert len(shared.shop.effects(world)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"key": {"header": "Idempotency-Key", "life": "60s"}}, {"delivery": "opaque", "key": None}],
    ids=["a key that has died", "no key"],
)
def test_call_of_a_dead_worker_is_not_repeated_on_a_guess(
    shared: GateStage, world: str, changes: dict[str, Any]
) -> None:
    run = died(shared, world, **changes)
    assert (shared.told(run), len(shared.sendings(run))) == (["unknown"], 1)
    shared.answer(run, {"happened": False, "note": "there is no trace of it"})
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["settled_not_done"])
    assert shared.shop.effects(world) == []


def test_nothing_leaves_after_its_last_moment_and_it_is_tried_again(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world)
    shared.dismiss()
    try:
        with shared.working(SEND_WINDOW=0):
            shared.approve(run, rest=False)
            until(lambda: shared.told(run) == ["failed_clean"], what="a sending that comes too late")
        assert shared.shop.effects(world) == []
    finally:
        shared.hire()
    run = shared.rest(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    assert [each.outcome for each in shared.sendings(run)][-1] == "succeeded"
    assert len(shared.shop.effects(world)) == 1
