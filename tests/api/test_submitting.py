"""Submitting over the API: named or routed, once however often it is sent, and followed to the end."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestra.client import ApiError
from orchestra.models import IdempotencyKey, RoutingRule, Task
from tests.api.site import Site

numbers = itertools.count(1)


def key() -> str:
    return f"key-{next(numbers)}"


def test_task_of_a_person_runs_and_its_outcome_can_be_read(site: Site) -> None:
    client = site.client(site.requester)
    made = client.submit(
        {"x": 1},
        workflow=site.workflow,
        environment="dev",
        subject="order 7",
        reference="R-7",
        labels={"team": "blue"},
    )
    assert made.run is not None
    assert (made.source, made.requester.name, made.run.state) == ("api", site.requester.name, "queued")
    ended = client.task(made.uid, wait=20)
    assert ended.run is not None
    assert (ended.run.state, ended.payload, ended.labels) == ("succeeded", {"x": 1}, {"team": "blue"})
    assert [task.uid for task in client.tasks(reference="R-7").items] == [made.uid]


def test_task_of_a_system_is_the_systems(site: Site) -> None:
    made = site.client(site.system).submit(workflow=site.workflow, environment="dev")
    task = Task.objects.get(uid=made.uid)
    assert (task.service, task.requester, made.requester.kind) == (site.system, None, "service")


def test_hundred_clients_with_one_key_make_one_task_and_hear_the_same(site: Site) -> None:
    token, mine = site.token(site.system), key()
    with ThreadPoolExecutor(max_workers=25) as threads:
        told = list(threads.map(lambda _: site.submit(token, key=mine, reference=mine), range(100)))
    assert {one.status for one in told} == {201}
    assert len({one.text for one in told}) == 1
    assert sorted(one.headers.get("Idempotency-Replayed", "") for one in told) == [""] + ["true"] * 99
    assert Task.objects.filter(reference=mine).count() == 1


def test_key_answers_the_same_after_the_run_has_ended(site: Site) -> None:
    token, mine = site.token(site.requester), key()
    first = site.submit(token, key=mine)
    site.client(site.requester).task(first.body["uid"], wait=20)
    second = site.submit(token, key=mine)
    assert (second.status, second.text) == (first.status, first.text)
    assert first.headers["Location"] == second.headers["Location"] == f"/api/v1/tasks/{first.body['uid']}"


def test_key_with_another_body_is_refused(site: Site) -> None:
    token, mine = site.token(site.requester), key()
    assert site.submit(token, key=mine).status == 201
    told = site.submit(token, key=mine, payload={"x": 2})
    assert (told.status, told.code) == (422, "key-reused")


def test_key_belongs_to_the_holder_not_to_the_token(site: Site) -> None:
    mine = key()
    first, again = (site.submit(site.token(site.requester), key=mine) for _ in range(2))
    other = site.submit(site.token(site.system), key=mine)
    assert first.body["uid"] == again.body["uid"] != other.body["uid"]
    assert IdempotencyKey.objects.filter(key=mine).count() == 2


def test_refused_request_leaves_its_key_free(site: Site) -> None:
    token, mine = site.token(site.requester), key()
    assert site.submit(token, key=mine, labels={"n": 1}).status == 422
    assert site.submit(token, key=mine, workflow="nothing").code == "not-found"
    assert site.submit(token, key=mine).status == 201


@pytest.mark.parametrize("bad", [" ", "k" * 201])
def test_key_that_cannot_be_kept_is_refused(site: Site, bad: str) -> None:
    token = site.token(site.requester)
    told = site.send(
        "POST",
        "/tasks",
        {"workflow": site.workflow, "environment": "dev"},
        token=token,
        headers={"Idempotency-Key": bad},
    )
    assert (told.status, told.code) == (422, "invalid")


def test_right_that_was_lost_counts_for_a_repeat_too(site: Site) -> None:
    system, mine = site.service("requesters"), key()
    token = site.token(system)
    assert site.submit(token, key=mine).status == 201
    system.accounts.get().groups.clear()
    assert site.submit(token, key=mine).status == 404


def test_who_may_see_but_not_submit_is_told_so_and_strangers_nothing(site: Site) -> None:
    for holder, status, code in ((site.reviewer, 403, "not-allowed"), (site.outsider, 404, "not-found")):
        told = site.submit(site.token(holder))
        assert (told.status, told.code) == (status, code)


def test_input_that_does_not_fit_is_told_place_by_place(site: Site) -> None:
    name = site.stage.publish(
        "a: {kind: python, function: t.echo}",
        more="input: {type: object, required: [size], properties: {size: {type: integer, minimum: 1}}}",
    )
    with pytest.raises(ApiError) as caught:
        site.client(site.requester).submit({"size": 0}, workflow=name, environment="dev")
    assert (caught.value.code, caught.value.status) == ("invalid", 422)
    assert "/size" in caught.value.problems[0].pointer


def test_waiting_answers_as_soon_as_the_run_has_ended(site: Site) -> None:
    client = site.client(site.requester)
    began = time.monotonic()
    made = client.submit(workflow=site.workflow, environment="dev", wait=30)
    assert made.run is not None
    assert (made.run.state, time.monotonic() - began < 20) == ("succeeded", True)


def test_waiting_ends_with_the_state_as_it_is(site: Site) -> None:
    name = site.stage.publish("a: {kind: human, title: 'Well?'}")
    made = site.client(site.requester).submit(workflow=name, environment="dev", wait=1)
    assert made.run is not None
    assert made.run.finished_at is None


@pytest.fixture
def no_rules(site: Site) -> None:
    RoutingRule.objects.all().delete()


@pytest.mark.usefixtures("no_rules")
class TestRouting:
    """A request that names no workflow goes where the first rule leads that holds."""

    def rule(
        self, site: Site, position: int, condition: str, *, workflow: str = "", **columns: object
    ) -> None:
        RoutingRule.objects.create(
            name=f"rule-{position}",
            position=position,
            condition=condition,
            deployment=site.deployment(workflow),
            **columns,
        )

    def test_first_rule_that_holds_chooses(self, site: Site) -> None:
        other = site.stage.publish("a: {kind: python, function: t.echo}")
        self.rule(site, 1, "true", active=False)
        self.rule(site, 2, 'payload.kind == "return"', workflow=other)
        self.rule(site, 3, 'labels.team == "blue" && source == "api"')
        self.rule(site, 4, "true", workflow=other)
        client = site.client(site.requester)
        assert client.submit({"kind": "return"}).place.workflow == other
        blue = client.submit({"kind": "sale"}, labels={"team": "blue"})
        assert blue.place.workflow == site.workflow

    def test_rule_that_cannot_be_evaluated_is_passed_over(self, site: Site) -> None:
        self.rule(site, 1, "payload.missing > 1")
        self.rule(site, 2, "nonsense(")
        self.rule(site, 3, "true")
        assert site.client(site.requester).submit().place.workflow == site.workflow

    def test_repeated_request_gets_its_first_answer_though_the_rules_have_changed(self, site: Site) -> None:
        other, mine, token = (
            site.stage.publish("a: {kind: python, function: t.echo}"),
            key(),
            site.token(site.requester),
        )
        self.rule(site, 2, "true")
        first = site.send("POST", "/tasks", {}, token=token, headers={"Idempotency-Key": mine})
        self.rule(site, 1, "true", workflow=other)
        again = site.send("POST", "/tasks", {}, token=token, headers={"Idempotency-Key": mine})
        RoutingRule.objects.update(active=False)
        last = site.send("POST", "/tasks", {}, token=token, headers={"Idempotency-Key": mine})
        assert [first.status, again.status, last.status] == [201, 201, 201]
        assert first.text == again.text == last.text
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_nothing_that_holds_is_a_problem_that_says_what_to_do_and_which_rules_failed(
        self, site: Site
    ) -> None:
        self.rule(site, 1, "payload.missing > 1")
        self.rule(site, 2, "false")
        told = site.send("POST", "/tasks", {"payload": {}}, token=site.token(site.requester))
        assert (told.status, told.code) == (422, "no-route")
        assert "Name a workflow" in told.body["detail"]
        assert ["rule-1" in each["detail"] for each in told.body["problems"]] == [True]

    def test_named_environment_narrows_the_choice(self, site: Site) -> None:
        self.rule(site, 1, "true")
        told = site.send("POST", "/tasks", {"environment": "prod"}, token=site.token(site.requester))
        assert told.code == "no-route"

    def test_rule_gives_no_right(self, site: Site) -> None:
        self.rule(site, 1, "true")
        for holder in (site.reviewer, site.outsider):
            told = site.send("POST", "/tasks", {}, token=site.token(holder))
            assert (told.status, told.code) == (403, "not-allowed")

    def test_workflow_without_its_environment_is_refused(self, site: Site) -> None:
        told = site.send("POST", "/tasks", {"workflow": site.workflow}, token=site.token(site.requester))
        assert [each["pointer"] for each in told.body["problems"]] == ["/environment"]


def test_tasks_are_found_by_whether_they_are_at_an_end(site: Site) -> None:
    waits = site.stage.publish("ask: {kind: human, title: 'Shall we?', form: {type: object}}")
    client = site.client(site.requester)
    live = client.submit(workflow=waits, environment="dev", reference="at-an-end")
    ended = client.submit(workflow=site.workflow, environment="dev", reference="at-an-end", wait=20)
    found = {
        state: {task.uid for task in client.tasks(reference="at-an-end", state=state).items}
        for state in ("", "live", "ended")
    }
    assert found == {"": {live.uid, ended.uid}, "live": {live.uid}, "ended": {ended.uid}}
    with pytest.raises(ApiError) as caught:
        client.tasks(state="odd")
    assert caught.value.status == 422
