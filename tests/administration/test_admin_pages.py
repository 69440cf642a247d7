"""Every page of the administration: it opens, under the strict policy, without a query for each row; what happened stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orchestra.audit import governance
from orchestra.delivery import outbox
from orchestra.models import (
    Approval,
    AuditEvent,
    Budget,
    Deployment,
    Draft,
    Environment,
    Grant,
    Halt,
    OutboxMessage,
    Person,
    Policy,
    RoutingRule,
    Run,
    Task,
    User,
    Webhook,
    WebhookDelivery,
)
from orchestra.people import roles
from orchestra.views.administration import FAMILIES
from tests import factories
from tests.administration.conftest import data, signed_in, staff
from tests.databases import Database

READ_ONLY = [
    "task", "run", "step", "turn", "toolcall", "ruling", "proposal", "approval", "humantask", "dispatch", "halt",
    "auditevent", "auditseal", "outboxmessage", "webhookdelivery", "apitoken", "policy", "workflow", "tool",
]  # fmt: skip
MODELS = {name for _, members in FAMILIES for name in members.split()}


def address(model: Any, page: str, *args: object) -> str:
    """The path of a page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def everything(number: int = 1) -> None:
    """Rows of every kind, so many of each."""
    for _ in range(number):
        call = factories.walk(factories.toolcall(), "awaiting_approval")
        proposal = factories.proposal(call)
        factories.approval(proposal)
        roles.give_defaults(proposal.deployment)
        factories.dispatch()
        factories.turn()
        factories.humantask()
        factories.halt(scope="deployment", deployment=proposal.deployment)
        binding, version = factories.binding(), factories.agentversion()
        person = factories.person()
        factories.user(person)
        service = factories.service()
        Grant.objects.create(
            agent=version.agent, tool=binding.tool, environment=binding.environment, granted_by=person
        )
        Budget.objects.create(deployment=proposal.deployment, resource="turns", limit=5)
        RoutingRule.objects.create(
            name=factories.name("rule"), position=1, condition="true", deployment=proposal.deployment
        )
        hook = Webhook.objects.create(
            name=factories.name("hook"),
            url="https://example.org/",
            secret_reference="env:HOOK",
            service=service,
        )
        message = OutboxMessage.objects.create(
            topic="run.failed", run=call.run, task=call.run.task, payload={}, due_at=factories.now()
        )
        WebhookDelivery.objects.create(message=message, webhook=hook, due_at=factories.now())
        factories.policyversion()
        Draft.objects.create(
            kind="policy", name=factories.name("draft"), source="kind: nothing", author=person
        )


def test_every_family_names_pages_that_there_are(database: Database) -> None:
    registered = {model._meta.model_name for model in django_admin.site._registry}
    assert registered == MODELS


def test_no_page_of_a_package_is_open_to_anybody(root: User) -> None:
    client = signed_in(root)
    for path in (
        "django_rq/dashboard/",
        "account/emailaddress/",
        "socialaccount/socialtoken/",
        "admin/logentry/",
    ):
        assert client.get(f"/admin/{path}").status_code == 404, path


def test_every_list_and_row_opens_under_the_strict_policy(root: User) -> None:
    everything()
    client = signed_in(root)
    opened = set()
    for model, page in django_admin.site._registry.items():
        paths = [address(model, "changelist"), f"{address(model, 'changelist')}?q=x"]
        row = page.get_queryset(_request(root)).first()
        if row is not None:
            opened.add(model._meta.model_name)
            paths += [address(model, "change", row.pk), address(model, "history", row.pk)]
        if page.has_add_permission(_request(root)):
            paths.append(address(model, "add"))
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.content[-2000:])
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy, path
            assert "default-src 'none'" in policy, path
            text = answer.content.decode()
            assert [found for found in (" style=", "<script>", "onclick=") if found in text] == [], path
    assert {"auditseal", "socialaccount", "authenticator", "apitoken", "usersession"} >= MODELS - opened


def _request(account: User) -> Any:
    request = type("Request", (), {})()
    request.user = account
    return request


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_happened_is_changed_by_nobody(root: User, name: str) -> None:
    everything()
    client = signed_in(root)
    model = next(each for each in django_admin.site._registry if each._meta.model_name == name)
    row = model._default_manager.order_by("pk").first()
    key = row.pk if row else 1
    assert client.get(address(model, "add")).status_code == 403
    assert client.post(address(model, "add"), {}).status_code == 403
    if row is not None:
        assert client.post(address(model, "change", key), {"state": "approved"}).status_code == 403
        assert client.post(address(model, "delete", key), {"post": "yes"}).status_code == 403
    listing = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
    client.post(address(model, "changelist"), listing)
    assert model._default_manager.filter(pk=key).exists() == (row is not None)


def test_lists_ask_the_database_as_often_for_many_rows_as_for_one(root: User) -> None:
    everything()
    client = signed_in(root)
    before = {model: _queries(client, model) for model in django_admin.site._registry}
    everything(3)
    after = {model: _queries(client, model) for model in django_admin.site._registry}
    assert {
        model.__name__: (before[model], after[model]) for model in before if after[model] > before[model]
    } == {}


def _queries(client: Client, model: Any) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address(model, "changelist")).status_code == 200
    return len(asked)


def test_lists_of_what_happened_hold_what_is_theirs_to_see_alone(auditor: User) -> None:
    own, foreign = factories.run(), factories.run()
    roles.give_defaults(own.deployment)
    client = signed_in(auditor)
    page = client.get(address(Run, "changelist")).content.decode()
    assert str(own.uid) in page
    assert str(foreign.uid) not in page
    assert client.get(address(Run, "change", foreign.pk)).status_code in {302, 404}
    theirs, others = (AuditEvent.objects.filter(chain=run.uid)[0].pk for run in (own, foreign))
    events = client.get(address(AuditEvent, "changelist")).content.decode()
    assert address(AuditEvent, "change", theirs) in events
    assert address(AuditEvent, "change", others) not in events


HIDDEN = "pay\u202e\u2028\x0b\u200bme"
SHOWN = "pay⟨U+202E⟩⟨U+2028⟩⟨U+000B⟩⟨U+200B⟩me"


def test_characters_that_nobody_sees_are_shown_by_their_code_points(root: User) -> None:
    task, halt = factories.task(subject=HIDDEN), factories.halt(reason=HIDDEN)
    vote = factories.approval(reason=HIDDEN)
    place = factories.environment()
    governance.record(place, "changed", by=root, reason=HIDDEN)
    (event,) = governance.told(place)
    client = signed_in(root)
    for path in (
        address(Task, "change", task.pk),
        address(Approval, "change", vote.pk),
        address(Halt, "changelist"),
        address(Halt, "change", halt.pk),
        address(Halt, "history", halt.pk),
        address(AuditEvent, "changelist"),
        address(AuditEvent, "change", event.pk),
        address(Environment, "history", place.pk),
    ):
        page = client.get(path).content.decode()
        assert SHOWN in page, path
        assert [char for char in "\u202e\u2028\x0b\u200b" if char in page] == [], path


def test_what_is_typed_is_sent_back_as_it_is(root: User) -> None:
    person = factories.person(full_name=f"Ro “{HIDDEN}”")
    given = data(signed_in(root), address(Person, "change", person.pk))
    assert given["full_name"] == [f"Ro “{HIDDEN}”"]


def test_blind_votes_are_listed_once_the_question_is_decided(root: User) -> None:
    blind = factories.proposal(requirements={"blind": True})
    plain = factories.proposal()
    votes = {of: factories.approval(of) for of in (blind, plain)}
    client = signed_in(root)
    page = client.get(address(Approval, "changelist")).content.decode()
    assert str(votes[plain].uid) in page
    assert str(votes[blind].uid) not in page
    answer = client.get(address(Approval, "change", votes[blind].pk), follow=True)
    assert str(votes[blind].person) not in answer.content.decode()
    factories.walk(blind, "expired")
    assert str(votes[blind].uid) in client.get(address(Approval, "changelist")).content.decode()


def test_who_may_change_accounts_finds_their_sessions_and_links_on_the_front_page(admin: User) -> None:
    page = signed_in(admin).get("/admin/").content.decode()
    for path in ("usersessions/usersession", "socialaccount/socialaccount", "mfa/authenticator"):
        assert f'href="/admin/{path}/"' in page
    outsider = signed_in(staff("nobody-yet")).get("/admin/").content.decode()
    assert "usersession" not in outsider


def test_settings_and_halts_of_foreign_deployments_are_not_listed(admin: User) -> None:
    own, foreign = factories.deployment(), factories.deployment()
    roles.give_defaults(own)
    for place in (own, foreign):
        rule = f"rule-of-{place.workflow.name}"
        RoutingRule.objects.create(name=rule, position=1, condition="true", deployment=place)
        factories.halt(scope="deployment", deployment=place)
    for model in (RoutingRule, Halt):
        page = signed_in(admin).get(address(model, "changelist")).content.decode()
        assert own.workflow.name in page
        assert foreign.workflow.name not in page


def test_who_may_enter_sees_what_their_groups_may(database: Database, deployment: Deployment) -> None:
    client = signed_in(staff("nobody-yet"))
    assert client.get("/admin/").status_code == 200
    assert client.get(address(Policy, "changelist")).status_code == 403
    assert client.get(address(User, "changelist")).status_code == 403
    assert deployment.workflow.name not in client.get(address(Deployment, "changelist")).content.decode()


def test_nobody_enters_without_an_account_for_it(database: Database) -> None:
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/accounts/login/?next=%2Fadmin%2F"
    outsider = factories.user(is_superuser=True)
    assert signed_in(outsider).get("/admin/", follow=True).status_code == 403
    system = User.objects.create(
        username="robot", service=factories.service(), is_staff=True, is_superuser=True
    )
    assert signed_in(system).get("/admin/", follow=True).status_code == 403


def test_account_of_a_person_who_is_not_active_stays_outside(root: User) -> None:
    client = signed_in(root)
    assert root.person
    root.person.active = False
    root.person.save()
    assert client.get("/admin/", follow=True).status_code == 403


def test_forms_are_refused_without_a_csrf_token(root: User) -> None:
    assert signed_in(root, csrf=True).post("/admin/orchestra/person/add/", {"name": "x"}).status_code == 403


def test_lists_never_count_a_whole_table(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.run()
    with CaptureQueriesContext(connection) as asked:
        signed_in(root).get(address(Run, "changelist"))
    counted = [
        query["sql"] for query in asked if "COUNT(" in query["sql"] and "orchestra_run" in query["sql"]
    ]
    assert counted
    assert all("LIMIT 1000" in sql for sql in counted)


def test_messages_are_passed_on_whatever_the_pages_show(root: User) -> None:
    everything()
    assert outbox.pass_on() >= 0
