"""Workers that are taken for dead and are not: what they write afterwards is refused, and they go on with other runs."""

from __future__ import annotations

import signal

from tests.crash.stage import PATIENCE, Stage, tell
from tests.waiting import until

STEPS = """
a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: python, function: crash.gate, with: {given: "{{ input }}", step: b}}
c: {needs: b, kind: python, function: crash.mark, with: {given: "{{ input }}", step: c}}
"""
ONE = 'a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}'
SHORT = {"ORCHESTRA_LEASE": "2"}
NO_HEART = {"ORCHESTRA_HEARTBEAT": "3600", "ORCHESTRA_SWEEP": "3600", "ORCHESTRA_SLOTS": "1"}


def test_stopped_worker_that_comes_back_writes_nothing_and_works_on(stage: Stage) -> None:
    old = stage.working(**SHORT)
    (run,) = stage.submit(stage.publish(STEPS))
    stage.begins("b", by=old)
    new = stage.working(**SHORT)
    tell(old, signal.SIGSTOP)
    stage.begins("b", by=new)
    stage.open(only=new)
    stage.finish([run])
    before = stage.record(run)
    stage.open()
    tell(old, signal.SIGCONT)
    until(lambda: stage.row(old)["fences_lost"] == 1, within=PATIENCE, what="the loss is counted")
    assert stage.record(run) == before
    new.stop()
    (other,) = stage.submit(stage.publish(ONE), 1)
    stage.finish([other])
    assert stage.noted("a", by=old) == 2
    stage.sound()


def test_worker_whose_lease_passed_to_another_cannot_write_while_that_one_is_at_work(stage: Stage) -> None:
    """Its heart stands still, so that nothing tells it of the loss before it comes to write."""
    old = stage.working(**SHORT, **NO_HEART)
    (run,) = stage.submit(stage.publish(STEPS))
    stage.begins("b", by=old)
    new = stage.working()
    stage.begins("b", by=new)
    until(lambda: stage.steps(run).get("b") == "running", within=PATIENCE, what="b is written down")
    before = stage.record(run)
    stage.open(only=old)
    old.says("fence.lost")
    assert stage.record(run) == before
    stage.open(only=new)
    stage.finish([run])
    assert stage.column(run, "output->'c'->>'pid'") == str(new.pid)
    assert (
        stage.column(run, "fence") >= 3
    )  # claimed, taken back, claimed; once more on a machine that stands still
    stage.sound()
