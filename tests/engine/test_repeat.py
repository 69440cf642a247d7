"""Steps that are done again until a condition holds, at most so many times."""

from __future__ import annotations

from tests.engine.functions import Seen
from tests.engine.stage import Stage

COUNT = """
    a:
      kind: python
      function: t.count
      repeat: {{until: output.calls >= {until}, at_most: {at_most}}}
      on_failure: {on_failure}
"""


def test_step_is_repeated_until_its_condition_holds(shared: Stage, seen: Seen) -> None:
    run = shared.play(COUNT.format(until=3, at_most=5, on_failure="escalate"))
    assert run.output == {"a": {"calls": 3}}
    assert shared.states(run) == {"a": "succeeded", "a~2": "succeeded", "a~3": "succeeded"}


def test_every_round_keeps_its_output(shared: Stage, seen: Seen) -> None:
    run = shared.play(COUNT.format(until=2, at_most=5, on_failure="escalate"))
    assert [shared.step(run, path).output for path in ("a", "a~2")] == [{"calls": 1}, {"calls": 2}]


def test_step_that_is_done_at_once_has_one_round(shared: Stage, seen: Seen) -> None:
    run = shared.play(COUNT.format(until=1, at_most=5, on_failure="escalate"))
    assert shared.states(run) == {"a": "succeeded"}


def test_last_round_without_success_is_a_limit(shared: Stage, seen: Seen) -> None:
    run = shared.play(COUNT.format(until=9, at_most=3, on_failure="continue"))
    step = shared.step(run, "a~3")
    assert (step.state, step.failure_class, step.error) == ("failed", "limit", "Not done after 3 rounds.")
    assert seen.calls[""] == 3


def test_condition_that_holds_in_the_last_round_is_a_success(shared: Stage, seen: Seen) -> None:
    run = shared.play(COUNT.format(until=3, at_most=3, on_failure="escalate"))
    assert run.output == {"a": {"calls": 3}}


def test_step_behind_sees_the_last_round(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        COUNT.format(until=3, at_most=5, on_failure="escalate")
        + "    b: {kind: python, function: t.same, needs: a, with: {value: '{{ steps.a.output.calls }}'}}"
    )
    assert run.output == {"b": 3}


def test_question_is_repeated_until_the_answer_does(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: human, title: 'Ready?', repeat: {until: output.ready, at_most: 2}, on_failure: continue}
    """)
    shared.answer(run, {"ready": False})
    run = shared.rest(run)
    assert shared.states(run) == {"a": "succeeded", "a~2": "waiting"}
    shared.answer(run, {"ready": True})
    assert shared.rest(run).output == {"a": {"ready": True}}


def test_question_without_the_wanted_answer_in_the_last_round_is_a_limit(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: human, title: 'Ready?', repeat: {until: output.ready, at_most: 2}, on_failure: continue}
    """)
    for _ in range(2):
        shared.answer(run, {"ready": False})
        run = shared.rest(run)
    assert shared.step(run, "a~2").failure_class == "limit"


def test_child_run_is_repeated_by_its_output(shared: Stage, seen: Seen) -> None:
    shared.publish("a: {kind: python, function: t.count}", name="counts")
    run = shared.play("a: {kind: run, workflow: counts, repeat: {until: output.a.calls == 2, at_most: 5}}")
    assert run.output == {"a": {"a": {"calls": 2}}}
    assert run.child_runs.count() == 2


def test_condition_that_cannot_be_evaluated_fails_the_round(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, repeat: {until: output.done, at_most: 5}, on_failure: continue}
    """)
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")


def test_round_that_fails_is_tried_again_by_its_retry(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: python
          function: t.flaky
          with: {key: a, failures: 1}
          retry: {attempts: 2, first_wait: 10ms, on: [bug]}
          repeat: {until: output.calls == 4, at_most: 3}
    """)
    assert run.output == {"a": {"calls": 4}}
    assert [shared.step(run, path).attempt for path in ("a", "a~2", "a~3")] == [2, 1, 1]


def test_failed_round_can_be_left_to_the_step_that_takes_over(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.same, with: {value: 1}, repeat: {until: output == 2, at_most: 2}, on_failure: b}
        b: {kind: python, function: t.same, with: {value: taken}}
    """)
    assert run.output == {"b": "taken"}


def test_output_that_a_person_gives_for_a_round_can_end_the_repeating(shared: Stage) -> None:
    run = shared.play("a: {kind: python, function: t.echo, repeat: {until: output.done, at_most: 5}}")
    assert run.state == "escalated"
    shared.answer(run, {"action": "output", "output": "by hand"})
    assert shared.rest(run).output == {"a": "by hand"}
