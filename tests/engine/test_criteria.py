"""What must hold before a step begins and of its output; and steps that a condition skips."""

from __future__ import annotations

import pytest

from tests.engine.functions import Seen
from tests.engine.stage import Stage


@pytest.mark.parametrize(("n", "state"), [(1, "skipped"), (2, "succeeded")])
def test_step_whose_condition_does_not_hold_is_skipped(shared: Stage, n: int, state: str) -> None:
    run = shared.play("a: {kind: python, function: t.echo, if: input.n > 1}", {"n": n})
    assert shared.states(run) == {"a": state}
    assert run.state == "succeeded"


def test_skipped_step_has_no_output_and_counts_no_attempt(shared: Stage) -> None:
    run = shared.play("a: {kind: python, function: t.echo, if: 'false'}")
    step = shared.step(run, "a")
    assert (step.output, step.attempt, run.output) == (None, 0, {})


def test_step_behind_a_skipped_one_is_skipped_too(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, if: 'false'}
        b: {kind: python, function: t.echo, needs: a}
        c: {kind: python, function: t.echo, needs: b}
    """)
    assert set(shared.states(run).values()) == {"skipped"}


def test_state_of_a_skipped_step_can_be_read(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, if: 'false'}
        b: {kind: python, function: t.echo}
        c:
          kind: python
          function: t.echo
          needs: [a, b]
          join: any
          if: steps.a.state == "skipped"
          with: {a: '{{ steps.a.output }}'}
    """)
    assert run.output == {"c": {"a": None}}


def test_condition_that_cannot_be_evaluated_fails_the_step_and_does_not_skip_it(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: python, function: t.echo, if: input.n > 1, on_failure: continue}", {"n": "x"}
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")


def test_entry_criteria_name_everything_that_is_missing_and_the_function_is_not_called(
    shared: Stage, seen: Seen
) -> None:
    run = shared.play(
        """
        a:
          kind: python
          function: t.count
          requires:
            - {check: size(input.id) > 0, message: an order id}
            - {check: input.n > 0, message: a number above zero}
            - input.n < 10
          on_failure: continue
        """,
        {"id": "", "n": 0},
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "precondition")
    assert step.error == "Missing: an order id; a number above zero"
    assert not seen.calls


def test_criterion_without_a_message_says_itself(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: python, function: t.echo, requires: [input.n < 10], on_failure: continue}", {"n": 12}
    )
    assert shared.step(run, "a").error == "Missing: input.n < 10"


def test_exit_criterion_that_does_not_hold_fails_the_step_with_its_message(shared: Stage) -> None:
    run = shared.play("""
        a:
          kind: python
          function: t.same
          with: {value: -1}
          ensures: [{check: output >= 0, message: the total is negative}]
          on_failure: continue
    """)
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert step.error == "Not met at the end: the total is negative"
    assert step.output is None


def test_exit_criterion_that_cannot_be_evaluated_is_a_mismatch_of_the_step(shared: Stage) -> None:
    run = shared.play("""
        a:
          kind: python
          function: t.echo
          ensures: [{check: output.total >= 0, message: the total is negative}]
          on_failure: instead
        instead: {kind: python, function: t.same, with: {value: instead}}
    """)
    assert run.output == {"instead": "instead"}
    step = shared.step(run, "a")
    assert step.failure_class == "data_mismatch"
    assert "output.total" in step.error


def test_exit_criterion_can_compare_the_output_with_what_came_before(shared: Stage) -> None:
    run = shared.play(
        """
        a: {kind: python, function: t.same, with: {value: 3}}
        b: {kind: python, function: t.same, needs: a, with: {value: 3}, ensures: [output == steps.a.output + input.n]}
        """,
        {"n": 0},
    )
    assert run.state == "succeeded"


def test_step_can_be_tried_again_when_its_entry_criterion_fails_and_no_more_often_than_said(
    shared: Stage,
) -> None:
    run = shared.play("""
        a:
          kind: python
          function: t.echo
          requires: [run.environment == "prod"]
          retry: {attempts: 3, first_wait: 10ms, on: [precondition]}
          on_failure: continue
    """)
    step = shared.step(run, "a")
    assert (step.state, step.attempt) == ("failed", 3)
