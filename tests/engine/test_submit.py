"""Submitting: one task and one run for each request, however often it is repeated; nothing of a bad one is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestra.engine import births
from orchestra.engine.connections import now
from orchestra.errors import Invalid, KeyReused, NotFound
from orchestra.intake import tasks
from orchestra.models import Deployment, IdempotencyKey, Run, Task
from tests.engine.stage import Stage

STEPS = "a: {kind: python, function: t.echo}"
INPUT = """
    input:
      type: object
      required: [name, size]
      additionalProperties: false
      properties: {name: {type: string}, size: {type: integer, minimum: 1}}
"""


@pytest.fixture(autouse=True)
def _nobody_works(shared: Stage) -> Iterator[None]:
    with shared.nobody_working():
        yield


def request(workflow: str, payload: object = None, **changes: Any) -> tasks.Request:
    given: dict[str, Any] = {
        "environment": "dev",
        "source": "api",
        "payload": {} if payload is None else payload,
    }
    return tasks.Request(workflow=workflow, **(given | changes))


def test_run_is_queued_and_due_now_with_the_input_and_the_version_of_the_moment(shared: Stage) -> None:
    run = shared.submit(shared.publish(STEPS), {"x": 1})
    assert (run.state, run.input, run.fence) == ("queued", {"x": 1}, 0)
    assert run.version == run.deployment.base_version
    assert Run.objects.filter(pk=run.pk, due_at__lte=now()).exists()


def test_task_keeps_what_the_requester_said_of_it(shared: Stage) -> None:
    name = shared.publish(STEPS)
    made = tasks.accept(
        request(name, {"x": 1}, subject="order 7", reference="R-7", labels={"team": "blue"}),
        by=shared.operator,
    )
    task = Task.objects.get(pk=made.task.pk)
    assert (task.subject, task.reference, task.labels) == ("order 7", "R-7", {"team": "blue"})
    assert (task.requester, task.source, task.payload) == (shared.operator, "api", {"x": 1})


def test_input_that_does_not_fit_is_refused_with_every_problem_and_nothing_is_kept(shared: Stage) -> None:
    name = shared.publish(STEPS, more=INPUT)
    before = (Task.objects.count(), Run.objects.count())
    with pytest.raises(Invalid) as caught:
        shared.submit(name, {"size": 0, "more": True})
    assert len(caught.value.problems) == 3
    assert "/size" in {problem.pointer for problem in caught.value.problems}
    assert (Task.objects.count(), Run.objects.count()) == before


@pytest.mark.parametrize(
    "payload", [[], "text", 7, {"x": "a\0b"}, {"x": "\ud800"}, {"x": 2**60}, {"x": {1, 2}}]
)
def test_input_that_is_no_plain_object_is_refused(shared: Stage, payload: object) -> None:
    name = shared.publish(STEPS)
    with pytest.raises(Invalid):
        tasks.accept(request(name, payload), by=shared.operator)


def test_workflow_that_is_not_deployed_there_is_not_found(shared: Stage) -> None:
    name = shared.publish(STEPS)
    for wanted in (request("nowhere"), request(name, environment="prod")):
        with pytest.raises(NotFound, match="is not deployed in"):
            tasks.accept(wanted, by=shared.operator)


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 101},
        {"priority": -101},
        {"priority": 100_000},
        {"subject": "x" * 201},
        {"reference": "x" * 201},
        {"subject": "a\0b"},
        {"reference": "\ud800"},
        {"labels": {"a\0b": "x"}},
        {"labels": {"a": "\0"}},
        {"labels": {"a" * 300: "x"}},
        {"labels": {str(number): "x" for number in range(100)}},
    ],
)
def test_text_or_number_that_cannot_be_kept_is_refused_in_words(
    shared: Stage, changes: dict[str, object]
) -> None:
    name = shared.publish(STEPS)
    with pytest.raises(Invalid):
        tasks.accept(request(name, **changes), by=shared.operator)


def test_workflow_gives_its_priority_to_runs_that_bring_none(shared: Stage) -> None:
    name = shared.publish(STEPS, more="priority: 30")
    assert shared.submit(name).priority == 30
    assert shared.submit(name, priority=-5).priority == -5


def test_due_runs_are_taken_by_priority_and_then_by_age(shared: Stage) -> None:
    name = shared.publish(STEPS)
    runs = [shared.submit(name, priority=priority) for priority in (60, 70, 50, 70, 60)]
    with shared.working(slots=1):
        for run in runs:
            shared.rest(run)
    assert [runs.index(run) for run in shared.order_of_claims(runs)] == [1, 3, 0, 4, 2]


def test_object_key_is_looked_up_in_the_input(shared: Stage) -> None:
    name = shared.publish(STEPS, more="object: '{{ input.order }}'")
    assert shared.submit(name, {"order": "O-1"}).object_key == "O-1"
    with pytest.raises(Invalid, match="order"):
        shared.submit(name, {})
    with pytest.raises(Invalid, match="200"):
        shared.submit(name, {"order": "x" * 201})


class TestIdempotencyKey:
    """A key makes asking twice harmless."""

    def test_same_key_and_body_give_the_same_task_and_run(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        first = tasks.accept(request(name, {"x": 1}), by=shared.operator, key="k1")
        second = tasks.accept(request(name, {"x": 1}), by=shared.operator, key="k1")
        assert (second.task, second.run) == (first.task, first.run)
        assert (first.repeated, second.repeated) == (False, True)

    def test_body_is_compared_by_meaning(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        first = tasks.accept(request(name, {"x": 1, "y": 2.0}), by=shared.operator, key="k2")
        assert (
            tasks.accept(request(name, {"y": 2, "x": 1.0}), by=shared.operator, key="k2").task == first.task
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {"payload": {"x": 2}},
            {"subject": "other"},
            {"labels": {"a": "b"}},
            {"priority": 1},
            {"due_at": now},
        ],
    )
    def test_same_key_with_another_body_is_refused(self, shared: Stage, changes: dict[str, Any]) -> None:
        name = shared.publish(STEPS)
        key = f"k3-{name}"
        tasks.accept(request(name, {"x": 1}), by=shared.operator, key=key)
        changes = {what: value() if callable(value) else value for what, value in changes.items()}
        before = Run.objects.count()
        with pytest.raises(KeyReused):
            tasks.accept(request(name, **({"payload": {"x": 1}} | changes)), by=shared.operator, key=key)
        assert Run.objects.count() == before

    def test_keys_of_different_people_do_not_meet(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        first = tasks.accept(request(name), by=shared.operator, key="k4")
        assert tasks.accept(request(name), by=shared.outsider, key="k4").task != first.task

    def test_request_without_a_key_is_new_each_time(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        assert shared.submit(name) != shared.submit(name)

    @pytest.mark.parametrize("key", ["", "  ", "\t", "x" * 201, "a\0b", "\ud800"])
    def test_key_that_says_nothing_or_too_much_is_refused(self, shared: Stage, key: str) -> None:
        name = shared.publish(STEPS)
        with pytest.raises(Invalid):
            tasks.accept(request(name), by=shared.operator, key=key)

    def test_key_of_a_refused_request_can_be_used_for_a_good_one(self, shared: Stage) -> None:
        name = shared.publish(STEPS, more=INPUT)
        with pytest.raises(Invalid):
            tasks.accept(request(name, {}), by=shared.operator, key="k5")
        made = tasks.accept(request(name, {"name": "n", "size": 1}), by=shared.operator, key="k5")
        assert not made.repeated

    def test_key_is_forgotten_after_seven_days(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        first = tasks.accept(request(name, {"x": 1}), by=shared.operator, key="k6")
        kept = IdempotencyKey.objects.get(key="k6")
        assert timedelta(days=6.9) < kept.expires_at - now() <= timedelta(days=7)
        IdempotencyKey.objects.filter(pk=kept.pk).update(expires_at=now())
        second = tasks.accept(request(name, {"x": 2}), by=shared.operator, key="k6")
        assert second.task != first.task
        assert tasks.accept(request(name, {"x": 2}), by=shared.operator, key="k6").task == second.task

    def test_a_hundred_twins_at_once_give_one_run(self, shared: Stage) -> None:
        name = shared.publish(STEPS)
        together = threading.Barrier(20)

        def ask(_: int) -> tuple[int, bool]:
            together.wait(timeout=30)
            try:
                made = tasks.accept(request(name, {"x": 1}), by=shared.operator, key="k7")
                return made.run.pk, made.repeated
            finally:
                connection.close()

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(ask, range(100)))
        assert len({run for run, _ in answers}) == 1
        assert sum(not repeated for _, repeated in answers) == 1
        assert Run.objects.filter(deployment__workflow__name=name).count() == 1
        assert Task.objects.filter(deployment__workflow__name=name).count() == 1


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_canary_is_chosen_for_just_its_share_of_chances(share: int, chance: float) -> None:
    deployment = Deployment(base_version_id=1, canary_version_id=2, canary_share=share)
    assume(abs(chance - share / 100) > 1e-9)
    assert births.choose_version(deployment, chance) == (2 if chance < share / 100 else 1)


class TestCanary:
    """A share of new runs takes the canary version."""

    @pytest.mark.parametrize(("share", "canaries"), [(0, 0), (100, 12)])
    def test_share_of_new_runs_takes_the_canary(self, shared: Stage, share: int, canaries: int) -> None:
        name = shared.publish(STEPS)
        deployment = Deployment.objects.get(workflow__name=name)
        base = deployment.base_version
        shared.publish("a: {kind: python, function: t.echo, with: {new: true}}", name=name)
        canary = Deployment.objects.get(workflow__name=name).base_version
        Deployment.objects.filter(pk=deployment.pk).update(
            base_version=base, canary_version=canary, canary_share=share
        )
        versions = [shared.submit(name).version for _ in range(12)]
        assert versions.count(canary) == canaries
