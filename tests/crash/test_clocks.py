"""Workers whose clocks are wrong by an hour: only PostgreSQL's clock decides leases, timers, retries and expiries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestra.engine import tasks
from orchestra.models import HumanTask, Run
from tests.conftest import Spawned
from tests.crash.stage import PATIENCE, Stage
from tests.waiting import until

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
STEPS = """
timer: {kind: wait, for: 3s}
ignored: {kind: human, group: operators, title: soon over, form: {type: object}, timeout: 2s, on_failure: continue}
asked: {kind: human, group: operators, title: not over, form: {type: object}, timeout: 30m}
flaky:
  kind: python
  function: crash.flaky
  with: {given: "{{ input }}", step: flaky}
  retry: {attempts: 2, first_wait: 1s, on: [bug]}
work: {kind: python, function: crash.gate, with: {given: "{{ input }}", step: work}}
end: {needs: [timer, asked, flaky, work], kind: python, function: crash.mark, with: {given: "{{ input }}", step: end}}
"""
WAITED = "SELECT finished_at - started_at FROM orchestra_step WHERE path = 'timer' AND state = 'succeeded'"
EXPIRED = "SELECT finished_at >= expires_at FROM orchestra_humantask WHERE state = 'expired'"
SHORT = {"ORCHESTRA_LEASE": "3", "ORCHESTRA_SLOTS": "5"}
RUNS = 10  # more than one worker has slots for


@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not here: apt-get install faketime")
def test_clocks_of_workers_decide_nothing(stage: Stage) -> None:
    workers = [stage.working(**SHORT, **clock("+1h")), stage.working(**SHORT, **clock("-1h"))]
    assert [hours_off(worker) for worker in workers] == [1, -1]
    runs = stage.submit(stage.publish(STEPS, more="limits: {wall_time: 30m}"), RUNS)
    until(lambda: len(stage.ask(EXPIRED)) == RUNS, within=PATIENCE, what="questions that run out")
    until(lambda: len(stage.ask(WAITED)) == RUNS, within=PATIENCE, what="timers that come")
    assert set(stage.ask(EXPIRED)) == {(True,)}
    assert all(
        timedelta(seconds=1) <= waited < timedelta(seconds=PATIENCE) for (waited,) in stage.ask(WAITED)
    )
    answer_all(stage, runs)
    stage.open()
    stage.finish(runs)
    assert stage.repeated() == {(run, "flaky"): 2 for run in range(RUNS)}
    assert stage.takeovers() == 0
    assert not any("fence.lost" in worker.text() for worker in workers)
    assert {note.pid for note in stage.notes()} == {worker.pid for worker in workers}
    stage.sound()


def clock(offset: str) -> dict[str, str]:
    """Variables of a process whose clock is wrong; how fast time passes is right."""
    never = {"DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": offset, "FAKETIME_NO_CACHE": "1", **never}


def hours_off(worker: Spawned) -> int:
    """By how much the clock of a worker differs from ours, as its first line says."""
    said = re.search(r"time=(\S+)", worker.text())
    assert said
    return round((datetime.fromisoformat(said[1]) - datetime.now(UTC)) / timedelta(hours=1))


def answer_all(stage: Stage, runs: list[Run]) -> None:
    """Answer what is asked and has not run out: one question of each run."""
    questions = HumanTask.objects.filter(run__in=runs, state="open")
    assert len(questions) == len(runs)
    for question in questions:
        tasks.answer(uid=question.uid, by=stage.operator, values={})
