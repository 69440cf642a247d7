"""A fork is a new run of the same task from a checkpoint of an old one: what was done is copied, not done again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from orchestra.engine import cancel, fork, halt
from orchestra.engine.connections import borrow
from orchestra.errors import Halted, Invalid, NotFound, StaleState
from orchestra.models import Run
from orchestra.models.halts import Scope
from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until

CHAIN = """
    a: {kind: python, function: t.count, with: {key: a}}
    b: {kind: python, function: t.count, with: {key: b}, needs: a}
    c: {kind: python, function: t.count, with: {key: c}, needs: b}
"""


def forked(shared: Stage, run: Run, checkpoint: int) -> Run:
    return shared.rest(fork.run(uid=run.uid, checkpoint=checkpoint, by=shared.operator, reason="try again"))


@pytest.mark.parametrize(
    ("checkpoint", "calls"),
    [
        (0, {"a": 2, "b": 2, "c": 2}),
        (1, {"a": 1, "b": 2, "c": 2}),
        (2, {"a": 1, "b": 1, "c": 2}),
        (3, {"a": 1, "b": 1, "c": 1}),
    ],
)
def test_steps_up_to_the_checkpoint_are_not_done_again(
    shared: Stage, seen: Seen, checkpoint: int, calls: dict[str, int]
) -> None:
    run = shared.play(CHAIN)
    made = forked(shared, run, checkpoint)
    assert made.state == "succeeded"
    assert seen.calls == calls
    assert set(shared.states(made)) == {"a", "b", "c"}


def test_copied_steps_keep_their_outputs(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN)
    made = forked(shared, run, 2)
    assert [shared.step(made, path).output for path in "abc"] == [{"calls": 1}, {"calls": 1}, {"calls": 2}]


def test_original_is_left_as_it_was(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN)
    before = (shared.told(run), shared.states(run), run.output)
    forked(shared, run, 1)
    run.refresh_from_db()
    assert (shared.told(run), shared.states(run), run.output) == before


def test_fork_has_the_same_task_version_and_input_and_says_where_it_comes_from(
    shared: Stage, seen: Seen
) -> None:
    run = shared.submit(shared.publish(CHAIN), {"x": 1}, priority=7)
    made = forked(shared, shared.rest(run), 2)
    assert (made.forked_from, made.forked_at) == (run, 2)
    assert (made.task, made.version, made.input, made.priority) == (run.task, run.version, {"x": 1}, 7)


def test_record_of_a_fork_says_who_and_why_and_what_was_copied(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN)
    told = shared.told(forked(shared, run, 1))
    assert told[0] == ("person:olga", "run", "queued", f"fork of {run.uid} at 1: try again")
    assert told[1] == ("person:olga", "a", "succeeded", f"copied from {run.uid}")


def test_failed_step_is_done_again(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a: {kind: python, function: t.count, with: {key: a}}
        b: {kind: python, function: t.flaky, with: {key: b, failures: 1}, needs: a}
    """)
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert run.state == "failed"
    made = forked(shared, run, 2)
    assert (made.state, seen.calls) == ("succeeded", {"a": 1, "b": 2})


def test_escalated_run_can_be_forked_and_goes_on_waiting_itself(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}")
    made = fork.run(uid=run.uid, checkpoint=0, by=shared.operator, reason="try beside it")
    shared.state(made, "succeeded")
    run.refresh_from_db()
    assert run.state == "escalated"


def test_cancelled_run_can_be_forked(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.count}\nb: {kind: wait, for: 1h, needs: a}")
    cancel.request(uid=run.uid, by=shared.operator, reason="a mistake")
    run = shared.rest(run)
    made = forked(shared, run, 1)
    assert (made.state, shared.states(made)) == ("waiting", {"a": "succeeded", "b": "waiting"})
    assert made.cancel_requested_at is None


@pytest.mark.parametrize(
    "steps", ["a: {kind: wait, for: 1h}", "a: {kind: python, function: t.gate, with: {key: a}}"]
)
def test_run_that_is_still_at_it_cannot_be_forked(shared: Stage, seen: Seen, steps: str) -> None:
    run = shared.start(steps)
    until(lambda: shared.states(run) or seen.begun, what="the step to begin")
    with pytest.raises(StaleState):
        fork.run(uid=run.uid, checkpoint=0, by=shared.operator, reason="too early")
    seen.gates["a"].set()


@pytest.mark.parametrize("checkpoint", [-1, 4, 1_000_000_000_000])
def test_checkpoint_that_the_run_does_not_have_is_refused(shared: Stage, seen: Seen, checkpoint: int) -> None:
    run = shared.play(CHAIN)
    with pytest.raises(Invalid, match="checkpoints 0 to 3"):
        fork.run(uid=run.uid, checkpoint=checkpoint, by=shared.operator, reason="what?")


def test_run_that_nobody_knows_is_not_found(shared: Stage) -> None:
    with pytest.raises(NotFound):
        fork.run(uid=uuid4(), checkpoint=0, by=shared.operator, reason="what?")


def test_items_of_an_each_that_was_done_are_not_done_again(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a: {kind: each, items: [x, y], step: {kind: python, function: t.count, with: {key: '{{ item }}'}}}
        b: {kind: python, function: t.count, with: {key: b}, needs: a}
    """)
    made = forked(shared, run, 3)
    assert seen.calls == {"x": 1, "y": 1, "b": 2}
    assert shared.step(made, "a").output == [{"calls": 1}, {"calls": 1}]


def test_each_that_was_not_done_begins_anew(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a:
          kind: each
          items: [x, y]
          step: {kind: python, function: t.flaky, with: {key: '{{ item }}', failures: 1}}
    """)
    for question in shared.questions(run):
        shared.answer_one(question, {"action": "output", "output": 0})
    run = shared.rest(run)
    made = forked(shared, run, 0)
    assert (made.state, seen.calls) == ("succeeded", {"x": 2, "y": 2})


def test_rounds_of_a_repeated_step_are_kept_one_by_one(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.count, repeat: {until: output.calls >= 3, at_most: 5}}")
    made = forked(shared, run, 2)
    assert shared.states(made) == {"a": "succeeded", "a~2": "succeeded", "a~3": "succeeded"}
    assert seen.calls[""] == 4


def test_what_came_of_a_failure_is_not_kept_when_the_failed_step_is_done_again(
    shared: Stage, seen: Seen
) -> None:
    """Otherwise a step would have both succeeded and been taken over from."""
    run = shared.play("""
        a: {kind: python, function: t.flaky, with: {key: a, failures: 1}, on_failure: mend}
        b: {kind: python, function: t.count, with: {key: b}, needs: a}
        mend: {kind: python, function: t.count, with: {key: mend}}
        end: {kind: python, function: t.count, with: {key: end}, needs: [b, mend], join: any}
    """)
    assert shared.states(run) == {"a": "failed", "b": "skipped", "mend": "succeeded", "end": "succeeded"}
    made = forked(shared, run, 4)
    assert shared.states(made) == {"a": "succeeded", "b": "succeeded", "mend": "skipped", "end": "succeeded"}
    assert seen.calls == {"a": 2, "b": 1, "mend": 1, "end": 2}


def test_step_that_began_without_a_failed_one_is_kept(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a: {kind: python, function: t.count, with: {key: a}}
        b: {kind: python, function: t.flaky, with: {key: b, failures: 1}, on_failure: continue}
        c: {kind: python, function: t.count, with: {key: c}, needs: [a, b], join: 1}
    """)
    made = forked(shared, run, 3)
    assert made.state == "succeeded"
    assert seen.calls == {"a": 1, "b": 2, "c": 1}


def test_way_that_a_route_took_is_kept(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        way: {kind: route, routes: [{when: 'false', to: b}, {to: c}]}
        b: {kind: python, function: t.count, with: {key: b}}
        c: {kind: python, function: t.count, with: {key: c}}
        d: {kind: python, function: t.count, with: {key: d}, needs: [b, c], join: any}
    """)
    made = forked(shared, run, 3)
    assert shared.states(made) == {"way": "succeeded", "b": "skipped", "c": "succeeded", "d": "succeeded"}
    assert seen.calls == {"c": 1, "d": 2}


def test_fork_of_a_fork_counts_its_own_checkpoints(shared: Stage, seen: Seen) -> None:
    run = shared.play("""
        a: {kind: python, function: t.flaky, with: {key: a, failures: 1}, on_failure: continue}
        b: {kind: python, function: t.count, with: {key: b}}
        c: {kind: python, function: t.count, with: {key: c}, needs: b}
    """)
    first = forked(shared, run, 3)
    ordinals = list(first.steps.order_by("ordinal").values_list("ordinal", flat=True))
    assert ordinals == [1, 2, 3]
    second = forked(shared, first, 3)
    assert second.state == "succeeded"
    assert seen.calls == {"a": 2, "b": 1, "c": 1}


def test_run_under_a_halt_cannot_be_forked(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN)
    switch = halt.set_on(Scope.RUN, by=shared.operator, reason="look first", run=run)
    with pytest.raises(Halted, match="must not lead round it"):
        fork.run(uid=run.uid, checkpoint=0, by=shared.operator, reason="round it")
    halt.lift(uid=switch.uid, by=shared.operator, reason="looked")
    assert forked(shared, run, 0).state == "succeeded"


def test_halt_that_is_set_while_a_fork_is_made_waits_for_it_or_stops_it(shared: Stage, seen: Seen) -> None:
    run = shared.play(CHAIN)
    with borrow():
        fork.run(uid=run.uid, checkpoint=0, by=shared.operator, reason="just before")
        assert not can_halt(shared)
    assert can_halt(shared)


def can_halt(stage: Stage) -> bool:
    """Whether somebody else could set a halt at this moment."""
    with stage.database.connect("owner") as other:
        found = other.execute("SELECT pg_try_advisory_lock(%s, %s)", halt.LATCH).fetchone()
        return bool(found and found[0])


def test_run_that_another_one_started_cannot_be_forked(shared: Stage, seen: Seen) -> None:
    """Its parent waits for it alone, and the task has only the parent's end."""
    name = shared.publish("a: {kind: python, function: t.count}")
    run = shared.play(f"child: {{kind: run, workflow: {name}}}")
    child = Run.objects.get(parent_run=run)
    with pytest.raises(StaleState, match="retry or fork that run"):
        fork.run(uid=child.uid, checkpoint=0, by=shared.operator, reason="the child alone")
    assert not Run.objects.filter(forked_from=child).exists()
