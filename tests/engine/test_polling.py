"""What a conductor does by itself, without waiting for the next poll."""

from __future__ import annotations

from tests.engine.stage import Stage
from tests.waiting import until

NEVER = {"POLL_SLOW": 600, "POLL_FAST": 600, "HEARTBEAT": 600, "SWEEP": 600}


def test_child_run_that_was_claimed_is_advanced_at_once(stage: Stage) -> None:
    child = stage.publish("b: {kind: python, function: t.echo}")
    name = stage.publish(f"a: {{kind: run, workflow: {child}}}")
    with stage.working(**NEVER) as process:
        until(lambda: process.conductor._next_poll > 0, what="the first poll")
        run = stage.submit(name)
        process.conductor.nudge([run.pk])
        stage.until_step(run, "a", "waiting")
        process.conductor.nudge([run.child_runs.get().pk])
        stage.state(run.child_runs.get(), "succeeded")
