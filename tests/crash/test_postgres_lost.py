"""PostgreSQL that goes away: workers wait for it, know their runs again, and do nothing twice that is written."""

from __future__ import annotations

import signal
import time

from orchestra.local.postgres import Postgres
from tests.conftest import Spawned
from tests.crash.stage import FIVE, PATIENCE, Stage, patiently, tell
from tests.waiting import until

GATE = """
a: {kind: python, function: crash.gate, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: python, function: crash.mark, with: {given: "{{ input }}", step: b}}
"""
LOCKS = """
SELECT count(*) FROM pg_locks l JOIN orchestra_workerprocess w ON w.id = l.objid::bigint
WHERE l.locktype = 'advisory' AND l.classid = 7011 AND l.granted AND w.pid = ANY(%s)
"""


def test_runs_end_though_postgres_is_restarted_under_them(stage: Stage, postgres: Postgres) -> None:
    workers = [stage.working(), stage.working()]
    runs = stage.submit(stage.publish(FIVE), 60)
    for pause in (0.3, 0.6, 0.9):
        time.sleep(pause)
        crash(postgres)
        postgres.revive()
    stage.finish(runs)
    assert set(stage.times()) == {(n, step) for n in range(60) for step in "abcde"}
    locked_again(stage, workers)
    stage.sound()


def test_step_at_work_while_postgres_is_away_is_not_done_again(stage: Stage, postgres: Postgres) -> None:
    """Away for longer than the lease and the grace of a session: nobody takes the others for dead when it is back."""
    times = {"ORCHESTRA_LEASE": "4", "ORCHESTRA_SESSION_GRACE": "2"}
    workers = [stage.working(**times), stage.working(**times)]
    runs = stage.submit(stage.publish(GATE), 10)
    stage.begins("a", count=10)
    crash(postgres)
    time.sleep(10)
    postgres.revive()
    locked_again(stage, workers)
    stage.open()
    stage.finish(runs)
    assert set(stage.times().values()) == {1}
    assert stage.noted("a") == 10
    assert stage.takeovers() == 0
    stage.sound()


def test_worker_that_is_asked_to_stop_does_not_wait_for_postgres(stage: Stage, postgres: Postgres) -> None:
    worker = stage.working(ORCHESTRA_DRAIN="1")
    (run,) = stage.submit(stage.publish(GATE))
    stage.begins("a", by=worker)
    other = stage.working(ORCHESTRA_SESSION_GRACE="0.3")
    crash(postgres)
    tell(worker, signal.SIGTERM)
    until(lambda: worker.pid is None, within=PATIENCE, what=worker.text())
    postgres.revive()
    stage.begins("a", by=other)
    stage.open()
    stage.finish([run])
    stage.sound()


def crash(postgres: Postgres) -> None:
    """What `pg_ctl stop -m immediate` does: sessions are cut, nothing is written any more."""
    process = postgres.running.process
    assert process
    process.send_signal(signal.SIGQUIT)
    process.wait(60)


def locked_again(stage: Stage, workers: list[Spawned]) -> None:
    """Wait until each worker, which has lived on, holds its lock in a new session."""
    pids = [worker.pid for worker in workers]
    assert all(pids)
    until(
        patiently(lambda: stage.ask(LOCKS, [pids]) == [(len(pids),)]),
        within=PATIENCE,
        what="every worker's lock",
    )
