"""Workers that die at any moment while replies are lost: what the shop, the calls and the record say agrees at the end.

`ORCHESTRA_TEST_KILLS=500` makes it a long one.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from orchestra.models import Dispatch, Run, ToolCall
from tests.crash.stage import kill
from tests.gate_crash.stage import CrashStage
from tests.store.shop import address, cancellation, order_in
from tests.waiting import until

KILLS = int(os.environ.get("ORCHESTRA_TEST_KILLS", "24"))
RUNS = max(24, KILLS * 5 // 4)
WORKERS = 3
LOST = 20  # of so many replies one is lost
MANY = {"ORCHESTRA_TAKEOVERS": "1000"}  # it is not the runs that kill here


@pytest.mark.chaos
def test_every_call_takes_effect_once_while_workers_are_killed_and_replies_are_lost(
    stage: CrashStage, world: str
) -> None:
    chance = random.Random(KILLS)
    allow(stage)
    workers = [stage.worker(**MANY) for _ in range(WORKERS)]
    runs = [begin(stage, f"{world}-{n}", chance) for n in range(RUNS)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 1.5))
        place = chance.randrange(WORKERS)
        kill(workers[place])
        workers[place] = stage.worker(**MANY)
        stage.find_out()
    until(lambda: ended(stage, runs), within=120 + KILLS, what=f"all runs ended: {states(runs)}")
    stage.sound()
    writes = ToolCall.objects.exclude(effect="read")
    assert writes.count() == 3 * RUNS
    assert set(writes.values_list("state", flat=True)) <= {"succeeded", "settled_done", "settled_not_done"}
    assert Dispatch.objects.filter(n__gt=1).exists()  # some died at the right moment


def begin(stage: CrashStage, world: str, chance: random.Random) -> Run:
    """A run with readings and three writes, some of whose replies are lost."""
    losses = [{"call": n, "kind": "lost"} for n in range(1, 8) if chance.randrange(LOST) == 0]
    if losses:
        stage.shop.faults(world, *losses)
    orders = [order_in("pending", place)["order_id"] for place in range(3)]
    moves = [
        {"call": "modify_pending_order_address", "with": {"order_id": order, **address()}}
        for order in orders[1:]
    ]
    read = {"call": "get_order_details", "with": {"order_id": orders[0]}}
    cancel = {"call": "cancel_pending_order", "with": cancellation()}
    return stage.begin(world, read, moves[0], {"calls": [moves[1], read]}, cancel, mode="execution")


def allow(stage: CrashStage) -> None:
    """What these runs write needs nobody."""
    tools = ["cancel_pending_order", "modify_pending_order_address"]
    stage.policy({"id": "fine", "tools": tools, "verdict": "allow", "message": "It is only a test."})


def ended(stage: CrashStage, runs: list[Run]) -> bool:
    """Find out what is in doubt; whether all is over."""
    stage.find_out()
    return states(runs) == {"succeeded"}


def states(runs: list[Run]) -> set[str]:
    """The states of the runs."""
    found = Run.objects.filter(pk__in=[run.pk for run in runs])
    return set(found.values_list("state", flat=True))
