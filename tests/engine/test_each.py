"""Steps of kind each: one inner step for each item of a list, outputs in the order of the items."""

from __future__ import annotations

import pytest

from orchestra.engine import tasks
from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until

NAMES = """
    a:
      kind: each
      items: '{{ input.items }}'
      as: letter
      step: {kind: python, function: t.echo, with: {letter: '{{ letter }}', at: '{{ index }}', more: '{{ input.more }}'}}
"""


def failing(*, each: str = "escalate", inner: str = "escalate", more: str = "") -> str:
    """An each whose item `bad` fails."""
    return f"""
    a:
      kind: each
      items: [good, bad, fine]
      on_failure: {each}
      step:
        kind: python
        function: t.unless
        with: {{value: '{{{{ item }}}}', bad: bad}}
        on_failure: {inner}
    after: {{kind: python, function: t.same, needs: a, with: {{value: '{{{{ steps.a.output }}}}'}}}}
    {more}
    """


def test_items_see_their_name_their_index_and_the_run(shared: Stage) -> None:
    run = shared.play(NAMES, {"items": ["x", "y"], "more": 1})
    assert run.output == {"a": [{"letter": "x", "at": 0, "more": 1}, {"letter": "y", "at": 1, "more": 1}]}


def test_outputs_are_in_the_order_of_the_items_whichever_ends_first(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a:
          kind: each
          items: [first, second, third]
          step: {kind: python, function: t.gate, with: {key: '{{ item }}'}}
    """)
    until(lambda: len(seen.begun) == 3, what="all items at work")
    for key in ("third", "first", "second"):
        seen.gates[key].set()
        until(lambda key=key: key in seen.ended, what=f"{key} to end")  # type: ignore[misc]
    assert shared.rest(run).output == {"a": [{"key": "first"}, {"key": "second"}, {"key": "third"}]}


def test_no_more_items_are_at_work_at_once_than_allowed(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1, 2, 3, 4, 5, 6, 7, 8, 9]
          at_once: 3
          step: {kind: python, function: t.nap, with: {key: '{{ item }}', seconds: 0.05}}
    """)
    assert run.output == {"a": [1, 2, 3, 4, 5, 6, 7, 8, 9]}
    assert seen.most_at_once == 3


def test_waiting_items_count_as_at_work(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: each, items: [1, 2, 3], at_once: 2, step: {kind: human, title: One of these}}"
    )
    assert shared.states(run) == {"a": "running", "a[0]": "waiting", "a[1]": "waiting"}
    assert run.state == "waiting"


def test_empty_list_gives_an_empty_list_at_once(shared: Stage) -> None:
    run = shared.play(NAMES, {"items": [], "more": 1})
    assert run.output == {"a": []}
    assert shared.states(run) == {"a": "succeeded"}


@pytest.mark.parametrize("items", [{"x": 1}, "text", 3, None])
def test_items_that_are_no_list_are_a_mismatch(shared: Stage, items: object) -> None:
    run = shared.play(NAMES, {"items": items, "more": 1})
    assert shared.question(run).context["failure_class"] == "data_mismatch"


def test_three_hundred_items_are_done_once_each(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        """
        a:
          kind: each
          items: '{{ input.items }}'
          at_once: 50
          step: {kind: python, function: t.nap, with: {key: '{{ item }}', seconds: 0}}
        """,
        {"items": list(range(300))},
    )
    assert run.output == {"a": list(range(300))}
    assert set(seen.calls.values()) == {1}


def test_each_of_a_list_that_another_each_made(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: each, items: [1, 2], step: {kind: python, function: t.echo, with: {n: '{{ item }}'}}}
        b:
          kind: each
          needs: a
          items: '{{ steps.a.output }}'
          as: made
          step: {kind: python, function: t.same, with: {value: '{{ made.n }}'}}
    """)
    assert run.output == {"b": [1, 2]}


def test_items_can_be_questions_answered_in_any_order(shared: Stage) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [x, y]
          step: {kind: human, title: '{{ item }}', with: {at: '{{ index }}'}}
    """)
    first, second = shared.questions(run)
    assert (first.title, second.title) == ("x", "y")
    assert second.context["item"] == 1
    tasks.answer(uid=second.uid, by=shared.operator, values={"n": 2})
    assert shared.rest(run).state == "waiting"
    tasks.answer(uid=first.uid, by=shared.operator, values={"n": 1})
    assert shared.rest(run).output == {"a": [{"n": 1}, {"n": 2}]}


def test_items_can_be_waits(shared: Stage) -> None:
    run = shared.play("a: {kind: each, items: [1, 2], step: {kind: wait, for: 50ms}}")
    assert run.output == {"a": [{"waited": True}, {"waited": True}]}


def test_items_can_be_tools_with_retries(shared: Stage, seen: Seen) -> None:
    shared.play("""
        a:
          kind: each
          items: [x, y]
          step:
            kind: tool
            tool: t.broken
            with: {key: '{{ item }}'}
            retry: {attempts: 2, first_wait: 10ms}
            on_failure: continue
    """)
    assert seen.calls == {"x": 2, "y": 2}


def test_criteria_of_the_inner_step_are_held_against_each_item(shared: Stage) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1, -1]
          step:
            kind: python
            function: t.same
            on_failure: continue
            with: {value: '{{ item }}'}
            requires: [{check: item > 0, message: above zero}]
    """)
    assert shared.states(run) == {"a": "succeeded", "a[0]": "succeeded", "a[1]": "failed"}
    assert "above zero" in shared.step(run, "a", 1).error


def test_failing_item_asks_the_owner_about_that_item(shared: Stage) -> None:
    run = shared.play(failing())
    question = shared.question(run)
    assert (run.state, question.context["step"], question.context["item"]) == ("escalated", "a", 1)
    shared.answer(run, {"action": "output", "output": "mended"})
    assert shared.rest(run).output == {"after": ["good", "mended", "fine"]}


def test_item_that_is_left_failed_fails_the_each_and_the_run(shared: Stage) -> None:
    run = shared.play(failing())
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert (run.state, run.failure_class) == ("failed", "bug")
    assert "1 of 3 items failed" in run.error


def test_item_that_continues_leaves_null_in_its_place(shared: Stage) -> None:
    run = shared.play(failing(inner="continue"))
    assert run.output == {"after": ["good", None, "fine"]}
    assert shared.states(run)["a[1]"] == "failed"
    assert shared.states(run)["a"] == "succeeded"


def test_each_that_continues_is_gone_on_without(shared: Stage) -> None:
    run = shared.play(failing(each="continue"))
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert run.output == {"after": None}
    assert shared.states(run)["a"] == "failed"


def test_step_takes_over_from_an_each_with_an_item_that_is_left_failed(shared: Stage) -> None:
    run = shared.play(
        failing(each="instead", more="instead: {kind: python, function: t.same, with: {value: instead}}")
    )
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert run.output == {"instead": "instead"}
    assert shared.states(run)["a"] == "failed"


def test_exit_criterion_of_an_each_sees_all_outputs(shared: Stage) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1, 2]
          ensures: [{check: size(output) == 3, message: three are wanted}]
          on_failure: continue
          step: {kind: python, function: t.same, with: {value: '{{ item }}'}}
    """)
    assert "three are wanted" in shared.step(run, "a").error


def test_each_that_takes_too_long_is_given_up_with_the_items_left(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1, 2, 3, 4]
          at_once: 2
          timeout: 300ms
          on_failure: continue
          step: {kind: human, title: Never answered}
    """)
    assert run.state == "succeeded"
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "tool_timeout")
    assert shared.states(run) == {"a": "failed", "a[0]": "cancelled", "a[1]": "cancelled"}
    assert shared.questions(run) == []


def test_each_at_work_too_long_is_given_up_too(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1]
          timeout: 200ms
          on_failure: continue
          step: {kind: python, function: t.gate, with: {key: never}}
    """)
    assert shared.states(run) == {"a": "failed", "a[0]": "cancelled"}


def test_person_can_give_an_each_more_time(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [1, 2]
          at_once: 1
          timeout: 2s
          step: {kind: human, title: 'Slow?'}
    """)
    assert run.state == "escalated"
    escalation = next(q for q in shared.questions(run) if q.kind == "escalation")
    form = next(q for q in shared.questions(run) if q.kind == "form")
    tasks.answer(uid=form.uid, by=shared.operator, values={"n": 1})
    tasks.answer(uid=escalation.uid, by=shared.operator, values={"action": "retry"})
    until(lambda: len(shared.states(run)) == 3, what="the second item to begin")
    shared.answer(run, {"n": 2})
    assert shared.rest(run).output == {"a": [{"n": 1}, {"n": 2}]}
