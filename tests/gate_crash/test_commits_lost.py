"""Commits that are lost, and commits whose replies are lost, while agents are asked and calls pass the gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestra.local.postgres import Postgres
from orchestra.models import Run, ToolCall
from tests.crash import proxy
from tests.crash.proxy import Proxy
from tests.engine.stage import again
from tests.gate_crash.stage import CrashStage
from tests.store.shop import address, order_in
from tests.waiting import until

RUNS = 8
ORDER = order_in("pending")["order_id"]
LOOK = {"call": "get_order_details", "with": {"order_id": ORDER}}
MOVE = {"call": "modify_pending_order_address", "with": {"order_id": ORDER, **address()}}


@pytest.fixture
def door(postgres: Postgres) -> Iterator[Proxy]:
    """What stands between a worker and PostgreSQL in this test."""
    with proxy.before(postgres.port) as made:
        yield made


def test_no_answer_of_a_model_is_taken_twice_and_no_call_is_left_open(
    stage: CrashStage, door: Proxy, world: str
) -> None:
    """A worker finds in the database which of its answers are written down, and which calls it has sent."""
    stage.working(**proxy.through(door, stage.database))
    door.share = 0.15
    runs = [stage.begin(f"{world}-{n}", LOOK, {"say": "So."}, LOOK, MOVE) for n in range(RUNS)]
    stage.approving(lambda: min(door.unheard, door.unsaid) >= 6, what="6 losses of both kinds")
    door.share = 0.0
    for run in runs:
        until(lambda run=run: _settled(stage, run), within=90, what=f"the end of {run.pk}: {stage.told(run)}")  # type: ignore[misc]
        assert [turn.number for turn in stage.turns(run)] == [0, 1, 2, 3, 4, 5]
        first = [call for call in stage.calls(run) if call.revision == 0]
        assert [call.tool_name for call in first] == [LOOK["call"], LOOK["call"], MOVE["call"]]
    assert not ToolCall.objects.filter(finished_at__isnull=True).exists()
    for n in range(RUNS):
        assert len(stage.shop.effects(f"{world}-{n}")) == 1
    stage.in_order()


def _settled(stage: CrashStage, run: Run) -> bool:
    stage.approve_all()
    stage.find_out()
    return again(run).state == "succeeded"
