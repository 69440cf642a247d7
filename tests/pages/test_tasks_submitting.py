"""Submitting a task by the form: who may, what becomes of it, and how a refused one comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from orchestra.engine import publish
from orchestra.models import Deployment, DeploymentGroupPermission, Person, Run, Task, User
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member
from tests.engine.stage import forget

HOST = {"host": "localhost"}
INPUT: Mapping[str, Any] = {
    "type": "object",
    "required": ["order"],
    "additionalProperties": False,
    "properties": {
        "order": {"type": "string", "pattern": "^W[0-9]+$", "title": "Order", "description": "Its number."},
        "amount": {"type": "integer", "minimum": 1},
        "urgent": {"type": "boolean"},
    },
}


def publish_workflow(name: str, **changes: Any) -> Deployment:
    """A published workflow that asks people; requesters may submit to it."""
    spec = {
        "description": "Refund an <order>.",
        "owner": "operators",
        "input": INPUT,
        "steps": {"ask": {"kind": "human", "group": "operators", "title": "Shall we?"}},
        **changes,
    }
    author = Person.objects.filter(name="ada").first() or member("ada", "admins")
    publish.text(json.dumps({"kind": "workflow", "name": name, "spec": spec}), by=author, environment="dev")
    return Deployment.objects.get(workflow__name=name)


@pytest.fixture
def deployment(database: Database) -> Deployment:
    """A workflow that requesters may submit to; ada looks after it."""
    forget()
    return publish_workflow("refunds")


@pytest.fixture
def requester(deployment: Deployment) -> Person:
    return member("rita", "requesters")


def browser(person: Person, *, csrf: bool = False) -> Client:
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    client.force_login(User.objects.get(person=person), backend="django.contrib.auth.backends.ModelBackend")
    return client


def hidden(page: str) -> dict[str, str]:
    """The hidden inputs of the form."""
    return dict(re.findall(r'<input type="hidden" name="(token|version)" value="([^"]*)"', page))


def fill(
    client: Client, deployment: Deployment, seen: Mapping[str, str] | None = None, /, **typed: str
) -> tuple[int, str]:
    """Fill in the form; names with `m_` are of its second part. The status and the page, or where it leads."""
    path = f"/tasks/new/{deployment.uid}/"
    sent = dict(seen if seen is not None else hidden(client.get(path).content.decode()))
    for name, text in typed.items():
        sent[f"m/{name[2:]}" if name.startswith("m_") else f"f/{name}"] = text
    answer = client.post(path, sent)
    return answer.status_code, answer.headers.get("Location") or answer.content.decode()


def test_requester_finds_the_workflows_they_may_submit_to_with_what_they_do(
    deployment: Deployment, requester: Person
) -> None:
    hidden_one = factories.deployment()
    page = browser(requester).get("/tasks/new/").content.decode()
    assert f"/tasks/new/{deployment.uid}/" in page
    assert "Refund an &lt;order&gt;." in page
    assert str(hidden_one.uid) not in page


def test_who_may_submit_nowhere_is_told_who_can_change_that(deployment: Deployment) -> None:
    page = browser(member("rob", "reviewers")).get("/tasks/new/").content.decode()
    assert "An administrator can give you that right" in page


def test_form_is_made_from_the_input_schema(deployment: Deployment, requester: Person) -> None:
    page = browser(requester).get(f"/tasks/new/{deployment.uid}/").content.decode()
    for text in (
        'name="f/order"',
        'name="f/amount"',
        "Its number.",
        "At least 1.",
        'name="m/subject"',
        'name="m/due_at"',
    ):
        assert text in page
    assert not hidden(page)["version"].isdecimal()


def test_submitted_form_makes_one_task_with_all_that_was_typed(
    deployment: Deployment, requester: Person
) -> None:
    more = {
        "m_subject": "W12 again",
        "m_reference": "R-1",
        "m_due_at": "2099-01-02T03:04",
        "m_labels": "shop=north\r\nkind = return",
    }
    status, leads = fill(
        browser(requester), deployment, None, order="W12", amount="3", urgent="false", **more
    )
    task = Task.objects.get()
    assert (status, leads) == (302, f"/tasks/{task.uid}/")
    assert task.payload == {"order": "W12", "amount": 3, "urgent": False}
    assert (task.requester, task.source, task.subject, task.reference) == (
        requester,
        "form",
        "W12 again",
        "R-1",
    )
    assert task.labels == {"shop": "north", "kind": "return"}
    assert task.due_at is not None
    assert task.due_at.isoformat() == "2099-01-02T03:04:00+00:00"
    assert Run.objects.get().state == "queued"


def test_double_click_makes_one_task(deployment: Deployment, requester: Person) -> None:
    client = browser(requester)
    seen = hidden(client.get(f"/tasks/new/{deployment.uid}/").content.decode())
    answers = [fill(client, deployment, seen, order="W12") for _ in range(2)]
    assert answers[0] == answers[1]
    assert Task.objects.count() == 1


def test_form_sent_again_with_other_values_asks_before_it_makes_another_task(
    deployment: Deployment, requester: Person
) -> None:
    client = browser(requester)
    seen = hidden(client.get(f"/tasks/new/{deployment.uid}/").content.decode())
    fill(client, deployment, seen, order="W12")
    status, page = fill(client, deployment, seen, order="W13")
    assert (status, "submitted before, with other values" in page, 'value="W13"' in page) == (409, True, True)
    assert fill(client, deployment, hidden(page), order="W13")[0] == 302
    assert Task.objects.count() == 2


def test_input_that_does_not_fit_comes_back_with_messages_at_the_fields(
    deployment: Deployment, requester: Person
) -> None:
    wrong = {"m_due_at": "2001-01-01T00:00", "m_subject": "kept <subject>"}
    status, page = fill(browser(requester), deployment, None, order="12", amount="many", **wrong)
    assert (status, Task.objects.count()) == (422, 0)
    for text in ("This does not have the form that is asked for: ^W[0-9]+$", "Write a whole number", "This time has passed already", 'value="many"',
                 'value="kept &lt;subject&gt;"', "<details class=\"more\" open>"):  # fmt: skip
        assert text in page
    assert page.count("autofocus") == 1 + 1  # the first wrong one of each part


@pytest.mark.parametrize("due", ["9999-12-31T23:59:59-01:00", "3000-01-01T00:00"])
def test_due_time_that_nobody_can_read_again_is_refused(
    deployment: Deployment, requester: Person, due: str
) -> None:
    client = browser(requester)
    status, page = fill(client, deployment, order="W1", m_due_at=due)
    assert (status, "a time of this millennium" in page, Task.objects.count()) == (422, True, 0)
    assert client.get("/tasks/").status_code == 200


@pytest.mark.parametrize("labels", ["north", "=x", "a=1\na=2", f"a={'x' * 201}"])
def test_labels_that_mean_nothing_are_refused(deployment: Deployment, requester: Person, labels: str) -> None:
    status, page = fill(browser(requester), deployment, order="W1", m_labels=labels)
    assert (status, "every name once" in page) == (422, True)


def test_input_that_cannot_fit_is_told_in_words_and_kept(deployment: Deployment, requester: Person) -> None:
    anything = {"type": "object", "properties": {"note": {"type": "string", "maxLength": 5000}}}
    narrow = publish_workflow("narrow", input=anything, limits={"payload": "1KiB"})
    status, page = fill(browser(requester), narrow, note="x" * 2000)
    assert (status, "allows 1024" in page, "x" * 2000 in page) == (422, True, True)


def test_workflow_published_anew_meanwhile_asks_to_look_again(
    deployment: Deployment, requester: Person
) -> None:
    client = browser(requester)
    seen = hidden(client.get(f"/tasks/new/{deployment.uid}/").content.decode())
    publish_workflow("refunds", input={**INPUT, "required": ["order", "urgent"]})
    status, page = fill(client, deployment, seen, order="W12")
    assert (status, "published anew" in page, 'value="W12"' in page) == (409, True, True)
    assert Task.objects.count() == 0


def test_who_sees_but_may_not_submit_is_told_why_and_who_can_change_it(deployment: Deployment) -> None:
    client = browser(member("rob", "reviewers"))
    path = f"/tasks/new/{deployment.uid}/"
    answer = client.get(path)
    assert answer.status_code == 403
    assert "needs the right to submit. Ask ada for the right." in answer.content.decode()
    refused = client.post(path, {"f/order": "W77"})
    assert (refused.status_code, "Order: W77" in refused.content.decode(), Task.objects.count()) == (
        403,
        True,
        0,
    )


def test_right_lost_while_typing_refuses_and_keeps_the_text(
    deployment: Deployment, requester: Person
) -> None:
    client = browser(requester)
    seen = hidden(client.get(f"/tasks/new/{deployment.uid}/").content.decode())
    group = Group.objects.get(name="requesters")
    DeploymentGroupPermission.objects.filter(group=group, permission__codename="submit").delete()
    status, page = fill(client, deployment, seen, order="W12", m_subject="mine")
    assert (status, "Order: W12" in page, "Subject: mine" in page, Task.objects.count()) == (
        403,
        True,
        True,
        0,
    )


def test_stranger_is_told_that_there_is_nothing(deployment: Deployment) -> None:
    outsider = factories.person("nora")
    User.objects.create(username="nora", person=outsider)
    client = browser(outsider)
    for path in (f"/tasks/new/{deployment.uid}/", f"/tasks/new/{factories.uid()}/"):
        assert client.get(path).status_code == client.post(path, {}).status_code == 404


def test_form_from_elsewhere_or_without_its_token_makes_nothing(
    deployment: Deployment, requester: Person
) -> None:
    path = f"/tasks/new/{deployment.uid}/"
    seen = hidden(browser(requester).get(path).content.decode())
    assert browser(requester, csrf=True).post(path, {**seen, "f/order": "W1"}).status_code == 403
    status, page = fill(
        browser(requester), deployment, {"version": seen["version"], "token": "x"}, order="W1"
    )
    assert (status, "was not complete" in page) == (422, True)
    assert Task.objects.count() == 0
