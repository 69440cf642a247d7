"""Where failures lead: to the owner, on without an output, or to the step that takes over."""

from __future__ import annotations

import pytest

from orchestra.engine import tasks
from orchestra.errors import Invalid
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until

FAILING = "a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}"


def test_failed_step_asks_the_owner_and_tells_what_happened(shared: Stage, seen: Seen) -> None:
    run = shared.play(FAILING)
    assert (run.state, shared.states(run)) == ("escalated", {"a": "waiting"})
    question = shared.question(run)
    assert (question.kind, question.group.name) == ("escalation", "operators")
    assert question.title == "a failed: RuntimeError: failure 1"
    assert question.context == {
        "step": "a",
        "item": -1,
        "failure_class": "bug",
        "error": "RuntimeError: failure 1",
        "attempts": 1,
    }


def test_person_can_have_it_tried_again(shared: Stage, seen: Seen) -> None:
    run = shared.play(FAILING)
    shared.answer(run, {"action": "retry"})
    assert shared.rest(run).output == {"a": {"calls": 2}}


def test_step_that_a_person_has_tried_again_has_all_its_attempts_again(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: python
          function: t.flaky
          with: {key: a, failures: 3}
          retry: {attempts: 2, first_wait: 10ms, on: [bug]}
    """)
    assert seen.calls["a"] == 2
    shared.answer(run, {"action": "retry"})
    assert shared.rest(run).output == {"a": {"calls": 4}}


def test_person_can_give_the_output(shared: Stage, seen: Seen) -> None:
    run = shared.play(
        FAILING + "\nb: {kind: python, function: t.same, needs: a, with: {value: '{{ steps.a.output }}'}}"
    )
    shared.answer(run, {"action": "output", "output": {"by": "hand"}})
    assert shared.rest(run).output == {"b": {"by": "hand"}}
    assert seen.calls["a"] == 1


def test_person_can_let_the_run_fail(shared: Stage, seen: Seen) -> None:
    run = shared.play(FAILING)
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert (run.state, run.failure_class, run.error) == ("failed", "bug", "a: RuntimeError: failure 1")
    assert shared.states(run) == {"a": "failed"}


def test_person_can_cancel_instead(shared: Stage, seen: Seen) -> None:
    run = shared.play(FAILING)
    shared.answer(run, {"action": "cancel"})
    run = shared.rest(run)
    assert (run.state, run.cancel_requested_by) == ("cancelled", shared.operator)
    assert shared.states(run) == {"a": "cancelled"}


@pytest.mark.parametrize(
    "given",
    [{"action": "output"}, {"action": "explode"}, {}, {"action": "retry", "more": 1}, {"action": "continue"}],
)
def test_answer_that_says_nothing_useful_is_refused(shared: Stage, seen: Seen, given: object) -> None:
    run = shared.play(FAILING)
    with pytest.raises(Invalid):
        shared.answer(run, given)
    assert again(run).state == "escalated"


def test_nothing_new_begins_while_a_person_is_asked(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail}
        b: {kind: wait, for: 300ms}
        c: {kind: python, function: t.count, needs: b}
    """)
    assert (run.state, seen.calls[""]) == ("escalated", 0)
    shared.answer(run, {"action": "output", "output": None})
    assert shared.rest(run).state == "succeeded"
    assert seen.calls[""] == 1


def test_what_is_at_work_when_another_step_fails_is_kept(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}
        b: {kind: python, function: t.gate, with: {key: b}}
    """)
    until(lambda: shared.questions(run), what="the question")
    assert again(run).state == "running"
    seen.gates["b"].set()
    run = shared.rest(run)
    assert (run.state, shared.states(run)) == ("escalated", {"a": "waiting", "b": "succeeded"})
    shared.answer(run, {"action": "retry"})
    assert shared.rest(run).output == {"a": {"calls": 2}, "b": {"key": "b"}}
    assert seen.calls["b"] == 1


def test_answer_that_comes_while_another_step_is_at_work_counts(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}
        b: {kind: python, function: t.gate, with: {key: b}}
    """)
    until(lambda: shared.questions(run), what="the question")
    shared.answer(run, {"action": "retry"})
    until(lambda: seen.calls["a"] == 2, what="a to be tried again while b is at work")
    seen.gates["b"].set()
    assert shared.rest(run).state == "succeeded"


def test_failure_that_is_continued_is_gone_on_without(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail, on_failure: continue}
        b:
          kind: python
          function: t.echo
          needs: a
          with: {state: '{{ steps.a.state }}', output: '{{ steps.a.output }}'}
    """)
    assert run.output == {"b": {"state": "failed", "output": None}}


def test_step_takes_over_when_the_failure_happens(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail, on_failure: mend}
        mend: {kind: python, function: t.same, with: {value: mended}}
        end:
          kind: python
          function: t.same
          needs: [a, mend]
          join: any
          with: {value: '{{ steps.mend.output }}'}
    """)
    assert run.output == {"end": "mended"}


def test_step_that_would_take_over_is_skipped_when_nothing_fails(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, on_failure: mend}
        mend: {kind: python, function: t.fail}
        end: {kind: python, function: t.same, needs: [a, mend], join: any, with: {value: 1}}
    """)
    assert (run.state, shared.states(run)["mend"]) == ("succeeded", "skipped")


def test_one_step_can_take_over_for_several(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.echo, on_failure: mend}
        b: {kind: python, function: t.fail, needs: a, on_failure: mend}
        mend: {kind: python, function: t.same, with: {value: '{{ steps.b.state }}'}}
    """)
    assert shared.step(run, "mend").output == "failed"


def test_failure_of_the_step_that_took_over_asks_the_owner(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.fail, on_failure: mend}
        mend: {kind: python, function: t.fail}
    """)
    assert (run.state, shared.question(run).context["step"]) == ("escalated", "mend")


@pytest.mark.usefixtures("seen")
class TestTwoQuestionsAtOnce:
    """Two steps have failed, and the owner is asked about both."""

    TWO = """
        a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}
        b: {kind: python, function: t.flaky, with: {key: b, failures: 1}}
    """

    def test_run_goes_on_when_both_are_settled(self, shared: Stage) -> None:
        run = shared.play(self.TWO)
        first, second = shared.questions(run)
        tasks.answer(uid=first.uid, by=shared.operator, values={"action": "retry"})
        assert again(run).state == "escalated"
        tasks.answer(uid=second.uid, by=shared.operator, values={"action": "retry"})
        assert shared.rest(run).output == {"a": {"calls": 2}, "b": {"calls": 2}}

    @pytest.mark.parametrize(("action", "state"), [("cancel", "cancelled"), ("fail", "failed")])
    def test_one_answer_that_ends_the_run_is_enough(
        self, shared: Stage, seen: Seen, action: str, state: str
    ) -> None:
        run = shared.play(self.TWO)
        first, second = shared.questions(run)
        tasks.answer(uid=first.uid, by=shared.operator, values={"action": action})
        run = shared.rest(run)
        assert (run.state, shared.questions(run)) == (state, [])
        second.refresh_from_db()
        assert second.state == "cancelled"
        assert seen.calls["b"] == 1

    def test_form_stays_open_beside_an_escalation_and_can_be_answered(self, shared: Stage) -> None:
        run = shared.play("a: {kind: python, function: t.fail}\nask: {kind: human, title: 'Well?'}")
        escalation = next(q for q in shared.questions(run) if q.kind == "escalation")
        form = next(q for q in shared.questions(run) if q.kind == "form")
        tasks.answer(uid=form.uid, by=shared.operator, values={"n": 1})
        assert again(run).state == "escalated"
        tasks.answer(uid=escalation.uid, by=shared.operator, values={"action": "output", "output": 2})
        assert shared.rest(run).output == {"a": 2, "ask": {"n": 1}}


def test_question_to_somebody_else_is_closed_when_the_run_fails(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: python, function: t.fail}\nask: {kind: human, title: 'Well?', group: reviewers}"
    )
    escalation = next(q for q in shared.questions(run) if q.kind == "escalation")
    tasks.answer(uid=escalation.uid, by=shared.operator, values={"action": "fail"})
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == ("failed", [])
    assert shared.states(run) == {"a": "failed", "ask": "cancelled"}
