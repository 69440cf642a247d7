"""Steps of kind human: a question to a group, answered once, in time, by somebody who may, in its form."""

from __future__ import annotations

from uuid import uuid4

import pytest

from orchestra.engine import tasks
from orchestra.errors import Expired, Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import User
from tests.engine.stage import Stage, database_time
from tests.waiting import until

ASK = """
    ask:
      kind: human
      title: Shall we?
      with: {order: '{{ input.order }}'}
      form: {type: object, required: [yes], additionalProperties: false, properties: {yes: {type: boolean}}}
    after: {kind: python, function: t.same, needs: ask, with: {value: '{{ steps.ask.output.yes }}'}}
"""
SHORT = "ask: {kind: human, title: 'Quick?', timeout: 300ms, on_failure: continue}"


def test_question_shows_title_form_group_and_what_was_given(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    question = shared.question(run)
    assert (question.title, question.kind, question.group.name) == ("Shall we?", "form", "operators")
    assert question.form["required"] == ["yes"]
    assert question.context == {"step": "ask", "item": -1, "given": {"order": 7}}
    assert question.step == shared.step(run, "ask")


def test_run_that_asks_waits_without_a_worker(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    assert (run.state, run.worker_id) == ("waiting", None)
    assert shared.step(run, "ask").waits_humantask == shared.question(run)


def test_answer_is_the_output_of_the_step(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    shared.answer(run, {"yes": True})
    run = shared.rest(run)
    assert (run.state, run.output) == ("succeeded", {"after": True})
    assert shared.step(run, "ask").output == {"yes": True}


@pytest.mark.parametrize("given", [{"yes": "true"}, {}, {"yes": True, "more": 1}, [], None])
def test_answer_that_does_not_fit_the_form_is_refused_and_the_question_stays_open(
    shared: Stage, given: object
) -> None:
    run = shared.play(ASK, {"order": 7})
    with pytest.raises(Invalid):
        shared.answer(run, given)
    assert shared.question(run).state == "open"


def test_person_outside_of_the_group_may_not_answer(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    with pytest.raises(NotAllowed, match="operators"):
        shared.answer(run, {"yes": True}, by=shared.outsider)
    assert shared.question(run).state == "open"


def test_person_whose_account_is_closed_may_not_answer(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    leaver = shared.person(["operators"])
    User.objects.filter(person=leaver).update(is_active=False)
    with pytest.raises(NotAllowed):
        shared.answer(run, {"yes": True}, by=leaver)


def test_second_answer_is_told_who_was_first(shared: Stage) -> None:
    run = shared.play(ASK, {"order": 7})
    question = shared.answer(run, {"yes": True})
    with pytest.raises(StaleState, match="has answered"):
        tasks.answer(uid=question.uid, by=shared.operator, values={"yes": False})
    question.refresh_from_db()
    assert question.answer == {"yes": True}


def test_question_that_nobody_answers_in_time_expires_and_fails_its_step(shared: Stage) -> None:
    run = shared.play(SHORT)
    step = shared.step(run, "ask")
    assert (step.state, step.failure_class) == ("failed", "limit")
    assert "nobody answered in time" in step.error
    assert step.humantasks.get().state == "expired"


def test_answer_after_the_question_expired_is_told_so(shared: Stage) -> None:
    run = shared.play(SHORT)
    question = shared.step(run, "ask").humantasks.get()
    with pytest.raises(Expired):
        tasks.answer(uid=question.uid, by=shared.operator, values={})


def test_answer_after_the_time_is_refused_even_before_a_worker_has_noticed(shared: Stage) -> None:
    run = shared.start(SHORT.replace("300ms", "1500ms"))
    shared.state(run, "waiting")
    with shared.nobody_working():
        ends = shared.question(run).expires_at
        assert ends is not None
        until(lambda: database_time() > ends, what="the question's time to run out")
        with pytest.raises(Expired):
            shared.answer(run, {})
        assert shared.question(run).state == "open"


def test_question_to_nobody_known_is_not_found(shared: Stage) -> None:
    with pytest.raises(NotFound):
        tasks.answer(uid=uuid4(), by=shared.operator, values={})


def test_question_can_ask_another_group(shared: Stage) -> None:
    run = shared.play("ask: {kind: human, title: 'Shall we?', group: reviewers}")
    assert shared.question(run).group.name == "reviewers"
    with pytest.raises(NotAllowed):
        shared.answer(run, {})
    shared.answer(run, {}, by=shared.person(["reviewers"]))
    assert shared.rest(run).state == "succeeded"


def test_title_can_be_looked_up(shared: Stage) -> None:
    run = shared.play("ask: {kind: human, title: '{{ input.title }}'}", {"title": "x" * 1_000})
    assert shared.question(run).title == "x" * 300


def test_two_questions_can_be_open_and_be_answered_in_any_order(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: human, title: A}
        b: {kind: human, title: B}
        c: {kind: python, function: t.echo, needs: [a, b], with: {a: '{{ steps.a.output }}', b: '{{ steps.b.output }}'}}
    """)
    first, second = shared.questions(run)
    tasks.answer(uid=second.uid, by=shared.operator, values={"n": 2})
    assert shared.rest(run).state == "waiting"
    tasks.answer(uid=first.uid, by=shared.operator, values={"n": 1})
    assert shared.rest(run).output == {"c": {"a": {"n": 1}, "b": {"n": 2}}}


def test_answer_that_breaks_an_exit_criterion_fails_the_step(shared: Stage) -> None:
    run = shared.play("""
        ask:
          kind: human
          title: How many?
          ensures: [{check: output.n > 0, message: at least one}]
          on_failure: continue
    """)
    shared.answer(run, {"n": 0})
    step = shared.step(shared.rest(run), "ask")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert "at least one" in step.error
