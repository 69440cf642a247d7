"""Failed steps that are tried again: how often, after which failures, after how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.engine import retry
from orchestra.engine.flight import Failure
from orchestra.errors import FailureClass
from orchestra.models import AuditEvent
from orchestra.workflows.spec import Retry
from tests.engine.functions import Seen
from tests.engine.stage import Stage

FLAKY = """
    a:
      kind: python
      function: t.flaky
      with: {{key: a, failures: {failures}}}
      retry: {{attempts: 3, first_wait: 10ms, on: [{on}]}}
      on_failure: continue
"""


@pytest.mark.parametrize(
    ("failures", "state", "calls"), [(0, "succeeded", 1), (2, "succeeded", 3), (3, "failed", 3)]
)
def test_step_is_tried_so_often_in_all(
    shared: Stage, seen: Seen, failures: int, state: str, calls: int
) -> None:
    run = shared.play(FLAKY.format(failures=failures, on="bug"))
    step = shared.step(run, "a")
    assert (step.state, step.attempt, seen.calls["a"]) == (state, calls, calls)


def test_step_that_succeeds_at_last_tells_of_no_failure(shared: Stage, seen: Seen) -> None:
    step = shared.step(shared.play(FLAKY.format(failures=1, on="bug")), "a")
    assert (step.failure_class, step.error) == ("", "")


def test_failure_that_is_not_named_is_not_tried_again(shared: Stage, seen: Seen) -> None:
    run = shared.play(FLAKY.format(failures=1, on="tool_error, tool_timeout"))
    assert (shared.step(run, "a").state, seen.calls["a"]) == ("failed", 1)


def test_run_waits_for_the_next_attempt_without_a_worker(shared: Stage, seen: Seen) -> None:
    """The wait is in the database: another conductor goes on from there."""
    name = shared.publish("""
        a:
          kind: python
          function: t.flaky
          with: {key: a, failures: 1}
          retry: {attempts: 2, first_wait: 366d, longest_wait: 366d, on: [bug]}
    """)
    run = shared.rest(shared.submit(name))
    step = shared.step(run, "a")
    assert (run.state, run.worker_id, step.state, step.attempt) == ("waiting", None, "waiting", 1)
    assert run.due_at is not None
    assert step.waits_until is not None
    assert step.failure_class == "bug"
    with shared.nobody_working():
        shared.hurry(step)
    assert shared.rest(run).output == {"a": {"calls": 2}}


def test_retries_of_one_step_do_not_wait_for_another_that_is_at_work(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a:
          kind: python
          function: t.flaky
          with: {key: a, failures: 2}
          retry: {attempts: 3, first_wait: 10ms, on: [bug]}
        b: {kind: tool, tool: t.slow, with: {key: b}}
    """)
    shared.until_step(run, "a", "succeeded")
    assert "b" not in seen.ended
    seen.gates["b"].set()
    assert shared.rest(run).state == "succeeded"


def test_each_attempt_is_in_the_record(shared: Stage, seen: Seen) -> None:
    run = shared.play(FLAKY.format(failures=2, on="bug"))
    reasons = (
        AuditEvent.objects.filter(chain=run.uid, subject="a").order_by("seq").values_list("target", "reason")
    )
    assert list(reasons) == [
        ("waiting", "retry after bug"),
        ("running", "attempt 2"),
        ("waiting", "retry after bug"),
        ("running", "attempt 3"),
        ("succeeded", "done"),
    ]


retries = st.builds(
    Retry,
    attempts=st.integers(1, 100),
    first_wait=st.floats(0.001, 366 * 86_400.0),
    factor=st.floats(1, 100),
    longest_wait=st.floats(0.001, 366 * 86_400.0),
    on=st.frozensets(st.sampled_from(list(FailureClass)), min_size=1),
)
attempts = st.integers(1, 100)
chances = st.floats(0, 1, exclude_max=True)


@given(retries, attempts, chances)
def test_wait_is_a_part_of_the_growing_bound_and_never_longer_than_the_longest(
    rule: Retry, attempt: int, chance: float
) -> None:
    wait = retry.delay(rule, attempt, chance)
    assert 0 <= wait <= rule.longest_wait
    assert wait <= rule.first_wait * rule.factor ** min(attempt - 1, 64)
    assert timedelta(seconds=wait) <= timedelta(days=366)


@given(retries, attempts, chances)
def test_bound_of_the_wait_never_shrinks_from_attempt_to_attempt(
    rule: Retry, attempt: int, chance: float
) -> None:
    assert retry.delay(rule, attempt, chance) <= retry.delay(rule, attempt + 1, chance)


@given(retries, attempts)
def test_jitter_is_full_it_can_be_nothing_at_all(rule: Retry, attempt: int) -> None:
    assert retry.delay(rule, attempt, 0.0) == 0.0


@given(retries, attempts, st.sampled_from(list(FailureClass)))
def test_another_attempt_is_worth_it_while_some_are_left_and_for_the_named_failures_only(
    rule: Retry, attempt: int, failure: FailureClass
) -> None:
    expected = attempt < rule.attempts and failure in rule.on
    assert retry.worth_it(rule, Failure(failure, ""), attempt) is expected
