"""Steps of kind wait: for a while, or until a time. Nobody holds the run meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.stage import Stage

UNTIL = "a: {kind: wait, until: '{{ input.when }}', on_failure: continue}"


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_wait_for_a_while_goes_on_by_itself(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 300ms}\nb: {kind: python, function: t.echo, needs: a}")
    assert run.state == "succeeded"
    step = shared.step(run, "a")
    assert step.finished_at is not None
    assert step.started_at is not None
    assert step.finished_at - step.started_at >= timedelta(seconds=0.3)


def test_waiting_run_is_held_by_no_worker(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 1h}")
    assert (run.state, run.worker_id, run.lease_until) == ("waiting", None, None)
    step = shared.step(run, "a")
    assert run.due_at == step.waits_until
    assert step.state == "waiting"


def test_wait_until_a_time_goes_on_at_that_time(shared: Stage) -> None:
    run = shared.play(UNTIL, {"when": soon(0.3)})
    step = shared.step(run, "a")
    assert step.state == "succeeded"
    assert step.finished_at is not None
    assert step.finished_at >= datetime.fromisoformat(run.input["when"])


def test_wait_until_a_time_that_is_over_goes_on_at_once(shared: Stage) -> None:
    run = shared.play(UNTIL, {"when": "2001-01-01T00:00:00Z"})
    assert shared.states(run) == {"a": "succeeded"}


@pytest.mark.parametrize(
    "when",
    [
        "tomorrow",
        "2030-01-01T00:00:00",
        5,
        None,
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
    ],
)
def test_time_that_cannot_be_read_is_a_mismatch(shared: Stage, when: object) -> None:
    step = shared.step(shared.play(UNTIL, {"when": when}), "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert "time" in step.error


def test_wait_goes_on_under_another_conductor(shared: Stage) -> None:
    run = shared.start("a: {kind: wait, for: 800ms}")
    shared.state(run, "waiting")
    with shared.nobody_working():
        assert shared.states(run) == {"a": "waiting"}
    assert shared.rest(run).state == "succeeded"
