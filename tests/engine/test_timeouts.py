"""Work that takes too long is given up; what comes of it later is not taken in."""

from __future__ import annotations

from orchestra.models import AuditEvent
from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until


def test_function_that_takes_too_long_is_given_up(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        "a: {kind: python, function: t.gate, with: {key: a}, timeout: 200ms, on_failure: continue}"
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "tool_timeout")
    assert step.error == "No result within 0.2 s."
    assert "a" not in seen.ended


def test_timeout_is_tried_again_without_being_named(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a:
          kind: python
          function: t.gate
          with: {key: a}
          timeout: 400ms
          retry: {attempts: 100, first_wait: 10ms}
    """)
    until(lambda: seen.calls["a"] >= 2, what="a second attempt")
    seen.gates["a"].set()
    assert shared.rest(run).output == {"a": {"key": "a"}}


def test_late_result_of_work_that_was_given_up_is_ignored(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.gate, with: {key: a}, timeout: 200ms, on_failure: continue}
        b: {kind: python, function: t.gate, with: {key: b}}
    """)
    shared.until_step(run, "a", "failed")
    seen.gates["a"].set()
    until(lambda: "a" in seen.ended, what="the late end of a")
    seen.gates["b"].set()
    run = shared.rest(run)
    assert shared.step(run, "a").output is None
    assert run.output == {"b": {"key": "b"}}


def test_late_result_of_the_first_attempt_is_not_that_of_the_second(shared: Stage, seen: Seen) -> None:
    """Both attempts wait at the same gate, and each says which call it was."""
    run = shared.start("""
        a:
          kind: python
          function: t.gate_by_call
          with: {key: a}
          timeout: 500ms
          retry: {attempts: 2, first_wait: 10ms}
          on_failure: continue
        b: {kind: python, function: t.gate, with: {key: b}}
    """)
    until(lambda: seen.calls["a"] == 2, what="the second attempt")
    seen.gates["a1"].set()
    until(lambda: "a1" in seen.ended, what="the end of the first")
    seen.gates["a2"].set()
    seen.gates["b"].set()
    assert shared.rest(run).output == {"a": {"call": 2}, "b": {"key": "b"}}


def test_tool_that_takes_too_long_is_given_up(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: tool, tool: t.slow, with: {key: a}, timeout: 200ms, on_failure: continue}")
    assert shared.step(run, "a").failure_class == "tool_timeout"


def test_child_run_that_takes_too_long_is_cancelled_and_its_step_fails(shared: Stage) -> None:
    shared.publish("a: {kind: human, title: Never}", name="endless")
    run = shared.play("a: {kind: run, workflow: endless, timeout: 300ms, on_failure: continue}")
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "tool_timeout")
    child = run.child_runs.get()
    assert (child.state, shared.questions(child)) == ("cancelled", [])


def test_step_that_waits_to_try_its_child_again_is_not_looked_at_all_the_time(shared: Stage) -> None:
    shared.publish("a: {kind: human, title: Never}", name="endless-again")
    run = shared.play("""
        a:
          kind: run
          workflow: endless-again
          timeout: 200ms
          retry: {attempts: 2, first_wait: 366d, longest_wait: 366d}
    """)
    assert run.state == "waiting"
    assert AuditEvent.objects.filter(chain=run.uid, subject="run", target="running").count() < 10
