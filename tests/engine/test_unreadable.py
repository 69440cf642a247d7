"""A run whose version this release cannot read, as after a rollback: it asks, and it can always be ended."""

from __future__ import annotations

import pytest
from django.db.models import F
from django.db.models.functions import Now

from orchestra.engine import cancel
from orchestra.models import Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again, forget
from tests.gate.owner import alter
from tests.waiting import until

SHAPES = {
    "not begun": "a: {kind: python, function: t.count}",
    "waiting": "a: {kind: wait, for: 1h}\nb: {kind: python, function: t.count, needs: a}",
    "asking": "a: {kind: human, title: 'Shall we?', form: {type: object}}",
    "items": "a: {kind: each, items: [x, y], step: {kind: wait, for: 1h}}",
    "with a child": "a: {kind: run, workflow: CHILD}",
}
CHILD = "c: {kind: wait, for: 1h}"


def roll_back(stage: Stage, run: Run) -> None:
    """The run's version is of a newer release than this one, and the run is to be looked at."""
    alter(stage.database, [(run.version, {"spec": {"format": 99}})])
    forget()
    Run.objects.filter(pk=run.pk).update(due_at=Now(), wake=F("wake") + 1)


@pytest.fixture
def run(shared: Stage, seen: Seen, request: pytest.FixtureRequest) -> Run:
    shape = request.param
    if shape == "not begun":
        with shared.nobody_working():
            made = shared.start(SHAPES[shape])
            roll_back(shared, made)
    else:
        made = shared.play(SHAPES[shape].replace("CHILD", shared.publish(CHILD)))
        roll_back(shared, made)
    return shared.state(made, "escalated")


each_shape = pytest.mark.parametrize("run", SHAPES, indirect=True)


@each_shape
@pytest.mark.parametrize(("action", "state"), [("fail", "failed"), ("cancel", "cancelled")])
def test_answer_that_ends_it_does(shared: Stage, run: Run, action: str, state: str) -> None:
    question = next(one for one in shared.questions(run) if one.kind == "escalation")
    assert "cannot be read by this release" in question.title
    shared.answer_one(question, {"action": action})
    ended = shared.rest(run)
    assert (ended.state, shared.questions(run)) == (state, [])
    assert not Run.objects.filter(task=run.task, finished_at__isnull=True).exists()


@each_shape
def test_operator_cancels_it(shared: Stage, run: Run) -> None:
    cancel.request(uid=run.uid, by=shared.operator, reason="nobody can read it")
    assert (shared.rest(run).state, shared.questions(run)) == ("cancelled", [])


@pytest.mark.parametrize("run", ["waiting"], indirect=True)
@pytest.mark.parametrize("limit", ["", "takeovers", "wall_time", "steps"])
def test_answer_that_lets_it_go_on_is_taken_and_it_asks_again(shared: Stage, run: Run, limit: str) -> None:
    first = shared.question(run)
    first.context["limit"] = limit
    first.save()
    shared.answer(run, {"action": "continue"})
    until(lambda: shared.questions(run), what="the next question")
    assert shared.question(run) != first
    assert shared.rest(run).state == "escalated"


def test_answer_about_a_failed_step_is_taken_and_it_asks_again(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}")
    alter(shared.database, [(run.version, {"spec": {"format": 99}})])
    forget()
    shared.answer(run, {"action": "fail"})
    until(lambda: shared.questions(run), what="the next question")
    assert "cannot be read" in shared.question(run).title
    assert again(run).failure_class == ""


def test_run_that_says_nothing_of_its_wall_time_has_that_of_all(shared: Stage, seen: Seen) -> None:
    with shared.nobody_working():
        run = shared.start("a: {kind: wait, for: 1h}")
        Run.objects.filter(pk=run.pk).update(limits={k: v for k, v in run.limits.items() if k != "wall_time"})
    run = shared.rest(run)
    assert run.deadline_at is not None
    assert run.started_at is not None
    assert (run.deadline_at - run.started_at).days == 30
