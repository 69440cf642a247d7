"""Workers that are asked to stop: what is nearly done is finished, the rest is given back at once."""

from __future__ import annotations

import signal

from tests.conftest import Spawned
from tests.crash.stage import PATIENCE, USUAL, Stage, tell
from tests.waiting import until

ONE = 'a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}'
TWO = """
a: {kind: python, function: crash.gate, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: python, function: crash.mark, with: {given: "{{ input }}", step: b}}
"""


def test_worker_that_stops_finishes_the_checkpoint_in_hand_and_gives_the_run_back(stage: Stage) -> None:
    worker = stage.working(ORCHESTRA_DRAIN="60")
    (run,) = stage.submit(stage.publish(TWO))
    stage.begins("a", by=worker)
    tell(worker, signal.SIGTERM)
    stage.open()
    assert ended(worker) == 0
    assert stage.steps(run) == {"a": "succeeded"}
    assert given_back(stage) == [run.pk]
    assert stage.ask("SELECT stopped_at IS NOT NULL FROM orchestra_workerprocess") == [(True,)]
    stage.worker()
    stage.finish([run])
    assert stage.times() == {(0, "a"): 1, (0, "b"): 1}
    stage.sound()


def test_step_that_outlasts_the_drain_is_given_back_and_done_again_by_another(stage: Stage) -> None:
    worker = stage.working(ORCHESTRA_DRAIN="0.5")
    (run,) = stage.submit(stage.publish(TWO))
    stage.begins("a", by=worker)
    tell(worker, signal.SIGTERM)
    assert ended(worker) == 0, "nobody opened the gate"
    assert given_back(stage) == [run.pk]
    other = stage.working()
    stage.begins("a", by=other)
    stage.open()
    stage.finish([run])
    assert stage.times() == {(0, "a"): 1, (0, "b"): 1}
    assert stage.takeovers() == 0
    stage.sound()


def test_worker_that_stops_takes_nothing_new(stage: Stage) -> None:
    worker = stage.working(ORCHESTRA_DRAIN="60")
    stage.submit(stage.publish(TWO))
    stage.begins("a", by=worker)
    tell(worker, signal.SIGTERM)
    worker.says("worker.stopping")
    (late,) = stage.submit(stage.publish(ONE))
    stage.open()
    assert ended(worker) == 0
    assert stage.column(late, "fence") == 0


def test_stock_command_of_rq_with_our_worker_class_advances_runs_and_stops(stage: Stage) -> None:
    worker = stage.spawn("rqworker", "runs", "--worker-class", "orchestra.worker.HintWorker", variables=USUAL)
    runs = stage.submit(stage.publish(TWO), 5)
    stage.open()
    stage.finish(runs)
    assert {note.pid for note in stage.notes()} == {worker.pid}
    tell(worker, signal.SIGTERM)
    assert ended(worker) == 0
    assert stage.ask("SELECT stopped_at IS NOT NULL FROM orchestra_workerprocess") == [(True,)]
    stage.sound()


def ended(worker: Spawned) -> int:
    """The exit status, once there is one."""
    until(lambda: worker.pid is None, within=PATIENCE, what=f"the end of the worker:\n{worker.text()}")
    assert worker.process
    return int(worker.process.returncode)


def given_back(stage: Stage) -> list[int]:
    """Runs that anybody may claim now."""
    return [
        row[0] for row in stage.ask("SELECT id FROM orchestra_run WHERE state = 'queued' AND due_at <= now()")
    ]
