"""Steps of kind run: a run of another workflow in the same environment, whose end is the end of the step."""

from __future__ import annotations

import pytest

from orchestra.engine import cancel
from orchestra.models import AuditEvent, OutboxMessage, Run
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again

PARENT = "a: {{kind: run, workflow: {child}, with: {{n: 1}}, on_failure: continue}}"


def child_of(run: Run) -> Run:
    return run.child_runs.get()


def test_output_of_the_child_is_the_output_of_its_step(shared: Stage) -> None:
    child = shared.publish("b: {kind: python, function: t.same, with: {value: '{{ input.n }}'}}")
    run = shared.play(PARENT.format(child=child))
    assert run.output == {"a": {"b": 1}}


def test_child_knows_its_parent_and_belongs_to_the_same_task(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: python, function: t.echo}")))
    child = child_of(run)
    assert (child.parent_step, child.task_id) == (shared.step(run, "a"), run.task_id)
    assert child.deployment.environment == run.deployment.environment


def test_step_waits_for_its_child_without_a_worker(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: human, title: 'Well?'}")))
    assert (run.state, run.worker_id) == ("waiting", None)
    child = child_of(run)
    assert shared.step(run, "a").waits_run == child
    shared.answer(child, {"n": 2})
    assert shared.rest(run).output == {"a": {"b": {"n": 2}}}


def test_child_without_with_gets_an_empty_input(shared: Stage) -> None:
    child = shared.publish("b: {kind: python, function: t.same, with: {value: '{{ input }}'}}")
    assert shared.play(f"a: {{kind: run, workflow: {child}}}").output == {"a": {"b": {}}}


@pytest.mark.parametrize("given", ["{m: 1}", "[]", "5", "{n: text}", "'{{ input.list }}'"])
def test_input_that_does_not_fit_the_child_fails_the_step_before_a_child_is_made(
    shared: Stage, given: str
) -> None:
    child = shared.publish(
        "b: {kind: python, function: t.echo}",
        more="input: {type: object, required: [n], properties: {n: {type: integer}}}",
    )
    run = shared.play(
        f"a: {{kind: run, workflow: {child}, with: {given}, on_failure: continue}}", {"list": []}
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert not run.child_runs.exists()


def test_input_of_the_wrong_kind_is_not_taken_for_an_empty_one(shared: Stage) -> None:
    child = shared.publish("b: {kind: python, function: t.echo}")
    run = shared.play(f"a: {{kind: run, workflow: {child}, with: [], on_failure: continue}}")
    assert shared.step(run, "a").failure_class == "data_mismatch"


def test_workflow_that_is_not_deployed_here_fails_the_step(shared: Stage) -> None:
    shared.publish("b: {kind: python, function: t.echo}", name="only-in-test", environment="test")
    run = shared.play(PARENT.format(child="only-in-test"))
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "precondition")
    assert step.error == "Workflow only-in-test is not deployed in dev."


def test_failure_of_the_child_is_the_failure_of_its_step(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: python, function: t.fail}")))
    assert run.state == "waiting"
    shared.answer(child_of(run), {"action": "fail"})
    step = shared.step(shared.rest(run), "a")
    assert (step.state, step.failure_class) == ("failed", "bug")
    assert step.error == "Child run: b: RuntimeError: it cannot be done"


def test_child_that_somebody_cancels_fails_its_step(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: human, title: 'Well?'}")))
    cancel.request(uid=child_of(run).uid, by=shared.operator, reason="a test")
    step = shared.step(shared.rest(run), "a")
    assert (step.state, step.failure_class) == ("failed", "cancelled")


def test_child_that_somebody_cancels_before_it_began_fails_its_step(shared: Stage) -> None:
    child_name = shared.publish("b: {kind: python, function: t.echo}")
    with shared.nobody_working():
        run = shared.start(PARENT.format(child=child_name))
        shared.one_round()
        child = child_of(run)
        assert child.state == "queued"
        cancel.request(uid=child.uid, by=shared.operator, reason="a test")
    assert shared.step(shared.rest(run), "a").failure_class == "cancelled"
    assert again(child).state == "cancelled"


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ("b: {kind: human, title: 'Well?'}", "waiting"),
        ("b: {kind: wait, for: 1h}", "waiting"),
        ("b: {kind: python, function: t.fail}", "escalated"),
        ("b: {kind: run, workflow: grandchild}", "waiting"),
    ],
)
def test_cancel_of_the_parent_cancels_the_child_wherever_it_is(shared: Stage, steps: str, state: str) -> None:
    shared.publish("c: {kind: python, function: t.fail}", name="grandchild")
    run = shared.play(PARENT.format(child=shared.publish(steps)))
    child = child_of(run)
    assert child.state == state
    cancel.request(uid=run.uid, by=shared.operator, reason="a test")
    run = shared.rest(run)
    assert (run.state, shared.states(run)) == ("cancelled", {"a": "cancelled"})
    family = Run.objects.filter(task=run.task_id)
    assert set(family.values_list("state", flat=True)) == {"cancelled"}
    assert not any(shared.questions(one) for one in family)


def test_record_of_a_child_says_that_its_parent_called_it_off(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: human, title: 'Well?'}")))
    cancel.request(uid=run.uid, by=shared.operator, reason="a test")
    child = child_of(shared.rest(run))
    reasons = AuditEvent.objects.filter(chain=child.uid).values_list("reason", flat=True)
    assert any(str(run.uid) in reason and "called off" in reason for reason in reasons)


def test_failure_of_the_parent_cancels_the_child(shared: Stage) -> None:
    child = shared.publish("b: {kind: human, title: 'Well?'}")
    run = shared.play(f"a: {{kind: run, workflow: {child}}}\nx: {{kind: python, function: t.fail}}")
    shared.answer(run, {"action": "fail"})
    run = shared.rest(run)
    assert (run.state, child_of(run).state) == ("failed", "cancelled")


def test_new_attempt_is_a_new_child(shared: Stage, seen: Seen) -> None:
    child = shared.publish("b: {kind: python, function: t.flaky, with: {key: b, failures: 1}}")
    run = shared.play(f"""
        a: {{kind: run, workflow: {child}, retry: {{attempts: 2, first_wait: 10ms, on: [bug]}}}}
    """)
    shared.answer(child_of(run), {"action": "fail"})
    run = shared.rest(run)
    assert run.output == {"a": {"b": {"calls": 2}}}
    assert sorted(run.child_runs.values_list("state", flat=True)) == ["failed", "succeeded"]


def test_children_of_an_each_keep_the_order_of_their_items(shared: Stage) -> None:
    child = shared.publish("b: {kind: python, function: t.same, with: {value: '{{ input.n }}'}}")
    run = shared.play(f"""
        a:
          kind: each
          items: [3, 1, 2]
          step: {{kind: run, workflow: {child}, with: {{n: '{{{{ item }}}}'}}}}
    """)
    assert run.output == {"a": [{"b": 3}, {"b": 1}, {"b": 2}]}


def test_only_the_end_of_the_first_run_is_told_to_the_requester(shared: Stage) -> None:
    run = shared.play(PARENT.format(child=shared.publish("b: {kind: python, function: t.echo}")))
    messages = OutboxMessage.objects.filter(task=run.task_id)
    assert [(message.topic, message.run) for message in messages] == [("run.succeeded", run)]
