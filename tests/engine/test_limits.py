"""Limits of a run: reaching one stops it where it stands and asks the owner."""

from __future__ import annotations

import pytest

from orchestra.errors import BudgetExceeded, Invalid
from orchestra.models import Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until

CHAIN = """
    a: {kind: python, function: t.count, with: {key: a}}
    b: {kind: python, function: t.count, with: {key: b}, needs: a}
    c: {kind: python, function: t.count, with: {key: c}, needs: b}
"""
TWO = "limits: {steps: 2}"


def test_step_beyond_the_limit_is_not_begun_and_the_owner_is_asked(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN, more=TWO)
    assert (run.state, seen.calls) == ("escalated", {"a": 1, "b": 1})
    question = shared.question(run)
    assert question.title == "The run reached its limit of 2 steps."
    assert question.step is None
    assert question.context["limit"] == "steps"
    assert question.context["tried"] == ["a", "b"]


def test_person_lets_it_go_on_with_as_much_again(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN, more=TWO)
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, run.limits["steps"], seen.calls["c"]) == ("succeeded", 4, 1)


def test_limit_is_reached_again_after_as_much_again(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN, more="limits: {steps: 1}")
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, seen.calls) == ("escalated", {"a": 1, "b": 1})


def test_person_lets_it_fail(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN, more=TWO)
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert (run.state, run.failure_class) == ("failed", "limit")
    assert run.error == "The run reached its limit of 2 steps."
    assert seen.calls["c"] == 0


def test_person_cancels_it(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN, more=TWO)
    shared.answer(run, {"action": "cancel"})
    assert shared.rest(run).state == "cancelled"


@pytest.mark.parametrize("given", [{"action": "retry"}, {"action": "output", "output": 1}])
def test_question_about_the_run_has_no_answers_for_a_step(shared: Stage, given: object) -> None:
    run = shared.play(CHAIN, more=TWO)
    with pytest.raises(Invalid):
        shared.answer(run, given)


def test_parallel_steps_count_before_they_are_written_down(shared: Stage, seen: Seen) -> None:
    shared.play(
        """
        a: {kind: python, function: t.count, with: {key: a}}
        b: {kind: python, function: t.count, with: {key: b}}
        c: {kind: python, function: t.count, with: {key: c}}
        """,
        more=TWO,
    )
    assert sum(seen.calls.values()) == 2


def test_skipped_steps_do_not_count(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        """
        a: {kind: python, function: t.count, if: 'false'}
        b: {kind: python, function: t.count, needs: a}
        c: {kind: python, function: t.count, with: {key: c}}
        d: {kind: python, function: t.count, needs: c, with: {key: d}}
        """,
        more=TWO,
    )
    assert run.state == "succeeded"


def test_items_and_rounds_count(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        """
        a: {kind: each, items: [1, 2, 3, 4], step: {kind: python, function: t.count}}
        """,
        more="limits: {steps: 3}",
    )
    assert (run.state, seen.calls[""]) == ("escalated", 2)
    shared.answer(run, {"action": "continue"})
    assert shared.rest(run).state == "succeeded"
    assert seen.calls[""] == 4

    run = shared.play(
        "a: {kind: python, function: t.same, with: {value: 1}, repeat: {until: output == 2, at_most: 9}}",
        more="limits: {steps: 3}",
    )
    assert (run.state, len(shared.states(run))) == ("escalated", 3)


def test_further_attempts_of_a_step_do_not_count(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        """
        a:
          kind: python
          function: t.flaky
          with: {key: a, failures: 4}
          retry: {attempts: 5, first_wait: 10ms, on: [bug]}
        """,
        more="limits: {steps: 1}",
    )
    assert run.state == "succeeded"


CALLS = """
    a: {kind: tool, tool: t.read, with: {key: a}}
    b: {kind: tool, tool: t.read, with: {key: b}, needs: a}
    c: {kind: tool, tool: t.broken, needs: b, retry: {attempts: 3, first_wait: 10ms}, on_failure: continue}
"""


def test_tool_call_beyond_the_limit_is_not_made_and_the_owner_is_asked(shared: Stage, seen: Seen) -> None:
    run = shared.play(CALLS, more="limits: {tool_calls: 1}")
    assert (run.state, shared.states(run)) == ("escalated", {"a": "succeeded"})
    assert shared.question(run).title == "The run reached its limit of 1 tool calls."
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, shared.states(run)) == ("escalated", {"a": "succeeded", "b": "succeeded"})


def test_each_attempt_of_a_tool_counts_as_a_call(shared: Stage, seen: Seen) -> None:
    run = shared.play(CALLS, more="limits: {tool_calls: 4}")
    assert (run.state, seen.calls[""]) == ("escalated", 2)
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert (run.state, seen.calls[""]) == ("succeeded", 3)


SLOW = "limits: {wall_time: 300ms}"


def test_run_past_its_wall_time_asks_the_owner(shared: Stage) -> None:
    run = shared.start("a: {kind: wait, for: 1h}", more=SLOW)
    run = shared.state(run, "escalated")
    question = shared.question(run)
    assert question.context["limit"] == "wall_time"
    assert "wall time" in question.title


def test_person_gives_as_much_time_again(shared: Stage, seen: Seen) -> None:
    run = shared.start(
        "a: {kind: python, function: t.gate, with: {key: a}}\nb: {kind: python, function: t.count, needs: a}",
        more="limits: {wall_time: 1s}",
    )
    until(lambda: shared.questions(run), what="the question about the time")
    seen.gates["a"].set()
    run = shared.state(run, "escalated")
    before = run.deadline_at
    assert before is not None
    assert seen.calls[""] == 0
    shared.answer(run, {"action": "continue"})
    run = shared.rest(run)
    assert run.state == "succeeded"
    assert run.deadline_at is not None
    assert run.deadline_at > before


@pytest.mark.parametrize(("action", "state"), [("fail", "failed"), ("cancel", "cancelled")])
def test_run_past_its_wall_time_can_be_ended_without_another_question(
    shared: Stage, action: str, state: str
) -> None:
    run = shared.start("a: {kind: wait, for: 1h}", more=SLOW)
    run = shared.state(run, "escalated")
    shared.answer(run, {"action": action})
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == (state, [])


def test_run_whose_last_step_ends_after_the_wall_time_has_succeeded_and_asks_no_more(
    shared: Stage, seen: Seen
) -> None:
    run = shared.start("a: {kind: python, function: t.gate, with: {key: a}}", more=SLOW)
    until(lambda: shared.questions(run), what="the question about the time")
    seen.gates["a"].set()
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == ("succeeded", [])


def test_wall_time_is_noticed_while_a_step_is_at_work(shared: Stage, seen: Seen) -> None:
    run = shared.start("a: {kind: python, function: t.gate, with: {key: a}}", more=SLOW)
    until(lambda: shared.questions(run), what="the question about the time")
    assert again(run).state == "running"
    assert "a" not in seen.ended


PAYLOAD = "limits: {payload: 100B}"


def test_output_larger_than_the_payload_limit_cannot_be_kept(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: python, function: t.large, with: {size: 200}, on_failure: continue}", more=PAYLOAD
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert "100" in step.error


@pytest.mark.parametrize(
    "step",
    [
        "{kind: tool, tool: t.broken, with: WITH}",
        "{kind: human, title: Look, with: WITH}",
        "{kind: run, workflow: any-child, with: WITH}",
        "{kind: each, items: ['{{ steps.a.output }}', '{{ steps.b.output }}'], step: {kind: wait, for: 1s}}",
    ],
)
def test_stored_input_of_a_step_is_held_to_the_payload_limit(shared: Stage, step: str) -> None:
    shared.publish("b: {kind: python, function: t.echo}", name="any-child")
    step = step.replace("WITH", "{a: '{{ steps.a.output }}', b: '{{ steps.b.output }}'}")
    run = shared.play(
        f"""
        a: {{kind: python, function: t.large, with: {{size: 60}}}}
        b: {{kind: python, function: t.large, with: {{size: 60}}}}
        c: {step[:-1]}, needs: [a, b], on_failure: continue}}
        """,
        more=PAYLOAD,
    )
    assert shared.step(run, "c").failure_class == "data_mismatch"


def test_output_of_the_run_is_held_to_the_payload_limit(shared: Stage) -> None:
    run = shared.play(
        """
        a: {kind: python, function: t.large, with: {size: 60}}
        b: {kind: python, function: t.large, with: {size: 60}}
        """,
        more=PAYLOAD,
    )
    assert run.state == "escalated"
    assert shared.question(run).title.startswith("The output of the run: ")
    shared.answer(run, {"action": "fail"})
    assert shared.rest(run).failure_class == "data_mismatch"


def test_input_larger_than_the_payload_limit_is_refused_at_the_door(shared: Stage) -> None:
    name = shared.publish("a: {kind: python, function: t.echo}", more=PAYLOAD)
    before = Run.objects.count()
    with pytest.raises(BudgetExceeded, match="100"):
        shared.submit(name, {"x": "y" * 100})
    assert Run.objects.count() == before
