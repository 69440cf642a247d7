"""A run that somebody cancels ends when what is at work has settled; the record says who and why."""

from __future__ import annotations

from uuid import uuid4

import pytest

from orchestra.engine import cancel
from orchestra.errors import NotFound, StaleState
from orchestra.models import OutboxMessage, Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until


def cancelled(shared: Stage, run: Run, reason: str = "a mistake") -> Run:
    cancel.request(uid=run.uid, by=shared.operator, reason=reason)
    return shared.rest(run)


def test_run_that_nobody_has_begun_is_cancelled_at_once(shared: Stage, seen: Seen) -> None:
    with shared.nobody_working():
        run = shared.start("a: {kind: python, function: t.count}")
        cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
        run = again(run)
        assert (run.state, run.cancel_requested_by, run.due_at) == ("cancelled", shared.operator, None)
    assert shared.told(run)[-1] == ("person:olga", "run", "cancelled", "a mistake")
    assert not seen.calls


@pytest.mark.parametrize(
    "steps",
    [
        "a: {kind: human, title: 'Well?'}",
        "a: {kind: wait, for: 1h}",
        "a: {kind: python, function: t.fail}",
        "a: {kind: tool, tool: t.broken, retry: {attempts: 2, first_wait: 366d, longest_wait: 366d}}",
        "a: {kind: each, items: [1, 2], step: {kind: human, title: 'Well?'}}",
    ],
)
def test_run_that_waits_is_cancelled_with_its_steps_and_questions(
    shared: Stage, seen: Seen, steps: str
) -> None:
    run = shared.play(steps)
    assert run.state in {"waiting", "escalated"}
    run = cancelled(shared, run)
    assert (run.state, shared.questions(run)) == ("cancelled", [])
    assert set(shared.states(run).values()) == {"cancelled"}
    assert run.cancel_requested_by == shared.operator


def test_record_says_who_asked_and_why(shared: Stage) -> None:
    run = cancelled(shared, shared.play("a: {kind: wait, for: 1h}"), reason="wrong customer")
    told = shared.told(run)
    assert ("person:olga", "run", "waiting", "cancel asked for: wrong customer") in told
    assert told[-1][1:3] == ("run", "cancelled")


def test_work_that_goes_on_is_waited_for_and_its_result_kept(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.gate, with: {key: a}}
        b: {kind: python, function: t.count, needs: a}
    """)
    until(lambda: "a" in seen.begun, what="a at work")
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    assert again(run).state == "running"
    seen.gates["a"].set()
    run = shared.rest(run)
    assert (run.state, shared.states(run), seen.calls[""]) == ("cancelled", {"a": "succeeded"}, 0)


def test_work_that_fails_after_the_cancel_asks_nobody_and_is_not_tried_again(
    shared: Stage, seen: Seen
) -> None:
    run = shared.start("""
        a: {kind: python, function: t.gate_and_fail, with: {key: a}}
        b:
          kind: python
          function: t.gate_and_fail
          with: {key: b}
          retry: {attempts: 5, first_wait: 10ms, on: [bug]}
    """)
    until(lambda: len(seen.begun) == 2, what="both at work")
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    until(lambda: run_is_called_off(shared, run), what="the conductor to know of it")
    seen.gates["a"].set()
    seen.gates["b"].set()
    run = shared.rest(run)
    assert (run.state, shared.questions(run)) == ("cancelled", [])
    assert shared.states(run) == {"a": "failed", "b": "failed"}
    assert not run.humantasks.exists()


def run_is_called_off(shared: Stage, run: Run) -> bool:
    """The conductor looks at its runs each tenth of a second: two looks later it knows."""
    return again(run).cancel_requested_at is not None and shared.beats(2)


def test_wait_beside_work_is_called_off_before_the_work_ends(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        a: {kind: python, function: t.gate, with: {key: a}}
        ask: {kind: human, title: 'Well?'}
    """)
    until(lambda: shared.questions(run), what="the question")
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    until(lambda: not shared.questions(run), what="the question to be closed while a is at work")
    seen.gates["a"].set()
    assert shared.rest(run).state == "cancelled"


def test_child_beside_work_is_called_off_before_the_work_ends(shared: Stage, seen: Seen) -> None:
    child = shared.publish("b: {kind: human, title: 'Well?'}")
    run = shared.start(f"""
        a: {{kind: tool, tool: t.slow, with: {{key: a}}}}
        c: {{kind: run, workflow: {child}}}
    """)
    until(lambda: run.child_runs.filter(state="waiting").exists(), what="the child to wait")
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    shared.state(run.child_runs.get(), "cancelled")
    assert "a" not in seen.ended
    seen.gates["a"].set()
    assert shared.rest(run).state == "cancelled"


def test_asking_twice_changes_nothing(shared: Stage, seen: Seen) -> None:
    run = shared.start("a: {kind: python, function: t.gate, with: {key: a}}")
    until(lambda: "a" in seen.begun, what="a at work")
    for reason in ("first", "second"):
        cancel.request(uid=run.uid, by=shared.operator, reason=reason)
    seen.gates["a"].set()
    run = shared.rest(run)
    reasons = [reason for _, _, _, reason in shared.told(run) if reason.startswith("cancel")]
    assert reasons == ["cancel asked for: first"]


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_run_that_has_ended_cannot_be_cancelled(shared: Stage, seen: Seen, how: str) -> None:
    if how == "succeeded":
        run = shared.play("a: {kind: python, function: t.echo}")
    else:
        run = shared.play("a: {kind: python, function: t.fail}")
        shared.answer(run, {"action": {"failed": "fail", "cancelled": "cancel"}[how]})
        run = shared.rest(run)
    assert run.state == how
    before = shared.told(run)
    with pytest.raises(StaleState, match=how):
        cancel.request(uid=run.uid, by=shared.operator, reason="too late")
    assert shared.told(run) == before


def test_run_that_nobody_knows_is_not_found(shared: Stage) -> None:
    with pytest.raises(NotFound):
        cancel.request(uid=uuid4(), by=shared.operator, reason="what?")


def test_requester_is_told_of_a_cancelled_run_also_of_one_that_never_began(shared: Stage) -> None:
    with shared.nobody_working():
        first = shared.start("a: {kind: python, function: t.echo}")
        cancel.request(uid=first.uid, by=shared.operator, reason="a mistake")
    second = cancelled(shared, shared.play("a: {kind: wait, for: 1h}"))
    for run in (first, second):
        assert OutboxMessage.objects.get(run=run).topic == "run.cancelled"


def test_run_can_be_cancelled_between_two_workers(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 1h}")
    with shared.nobody_working():
        cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
        assert again(run).state == "waiting"
    assert shared.rest(run).state == "cancelled"
