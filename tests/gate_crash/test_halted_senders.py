"""A halt while the worker of a call is dead: what was sent may settle, and nothing is sent again before it is lifted."""

from __future__ import annotations

import threading

import psycopg

from orchestra.engine import halt
from orchestra.models import Halt, Run, Scope
from tests.crash.stage import kill
from tests.gate_crash.stage import PATIENCE, CrashStage
from tests.store.shop import cancellation
from tests.waiting import until

CANCEL = {"call": "cancel_pending_order", "with": cancellation()}
BLOCKED = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
  AND query LIKE %s
"""
HOLD = "SELECT id FROM orchestra_dispatch WHERE id = %s FOR UPDATE"


def test_call_of_a_dead_worker_is_sent_again_only_when_the_halt_is_lifted(
    stage: CrashStage, world: str
) -> None:
    run = sent(stage, world)
    switch = halt.set_on(Scope.RUN, by=stage.operator, reason="look first", run=run)
    stage.working()
    (sending,) = stage.sendings(run)
    with stage.database.connect() as session:
        over = "SELECT %s < clock_timestamp() - interval '1 second'"
        until(lambda: session.execute(over, [sending.settles_at]).fetchone() == (True,), what="its time")
    assert stage.told(run) == ["dispatched"]
    halt.lift(uid=switch.uid, by=stage.operator, reason="looked")
    stage.ends(run)
    assert (stage.begun(run), stage.sent(world), len(stage.shop.effects(world))) == (2, 2, 1)
    stage.sound()


def test_halt_is_not_on_before_a_repeat_that_began_is_written_down(stage: CrashStage, world: str) -> None:
    """The worker is held in the middle of it: either the halt waits for it, or it sees the halt."""
    run = sent(stage, world)
    (sending,) = stage.sendings(run)
    setting = threading.Thread(target=set_halt, args=(stage, run))
    with stage.database.connect(autocommit=False) as session:
        session.execute(HOLD, [sending.pk])
        stage.working()
        until(
            lambda: blocked(stage, "UPDATE%dispatch%"), within=PATIENCE, what="a worker in the middle of it"
        )
        setting.start()
        until(lambda: blocked(stage, "%advisory%") or Halt.objects.exists(), what="the halt")
        early = Halt.objects.exists()
        session.rollback()
    setting.join(PATIENCE)
    until(lambda: stage.told(run) != ["dispatched"] or stage.begun(run) == 2, what="the end of the middle")
    assert not (early and stage.begun(run) == 2), "sent again after the halt"


def sent(stage: CrashStage, world: str) -> Run:
    """A run whose worker died after the effect."""
    hold = stage.wire.hold("POST", f"/{world}/", done=True)
    worker = stage.working()
    run = stage.begin(world, CANCEL)
    stage.approving(hold.reached.is_set, what="the request")
    kill(worker)
    return run


def blocked(stage: CrashStage, query: str) -> bool:
    """Whether a session waits for a lock with such a query."""
    with psycopg.connect(stage.database.url("admin"), autocommit=True) as session:
        found = session.execute(BLOCKED, [query]).fetchone()
        return bool(found and found[0])


def set_halt(stage: CrashStage, run: Run) -> None:
    """As an operator does, from another thread."""
    halt.set_on(Scope.RUN, by=stage.operator, reason="stop", run=run)
