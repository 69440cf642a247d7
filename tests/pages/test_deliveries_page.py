"""The page of deliveries: who sees which, what came of them in words, and sending one again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.engine import outbox as written
from orchestra.models import Deployment, OutboxMessage, Webhook, WebhookDelivery
from orchestra.people import roles
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member
from tests.pages.test_review_pages import signed_in

FAILED = {"attempts": 3, "last_status": 500, "last_error": "It answered 500."}


@pytest.fixture
def deployment(database: Database) -> Deployment:
    made = factories.deployment()
    roles.give_defaults(made)
    return made


def hook(**columns: Any) -> Webhook:
    given = {
        "name": factories.name("hook"),
        "url": "https://example.com/",
        "secret_reference": "env:X",
        **columns,
    }
    return Webhook.objects.create(**given)


def deliver(to: Webhook, at: Deployment, **columns: Any) -> WebhookDelivery:
    """A delivery of the end of a run."""
    run = factories.run(factories.task(at), state="succeeded")
    written.announce(run)
    message = OutboxMessage.objects.get(run=run)
    return WebhookDelivery.objects.create(
        message=message, webhook=to, **{"due_at": factories.now(60), **columns}
    )


def page(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/deliveries/{query}")
    assert answer.status_code == status
    return answer.content.decode()


def again(client: Client, delivery: WebhookDelivery) -> tuple[int, str]:
    answer = client.post(f"/deliveries/{delivery.uid}/resend/")
    return answer.status_code, answer.content.decode()


def test_rows_tell_state_last_answer_and_next_try(deployment: Deployment) -> None:
    ours = hook(deployment=deployment, name="ours")
    deliver(ours, deployment)
    deliver(ours, deployment, **FAILED)
    deliver(ours, deployment, attempts=1, last_status=204, delivered_at=factories.now())
    deliver(ours, deployment, **FAILED, given_up_at=factories.now())
    shown = page(signed_in(member("olga", "operators")))
    for words in (
        "Not tried yet.",
        "It answered 500.",
        "204 at",
        "Given up at",
        "Next try at",
        "3 tries",
        "run.succeeded",
        "Try now",
        "Send again",
    ):
        assert words in shown, words


@pytest.mark.parametrize(("state", "number"), [("waiting", 2), ("delivered", 1), ("given-up", 1)])
def test_filters_narrow_the_list(deployment: Deployment, state: str, number: int) -> None:
    ours, other = hook(deployment=deployment, name="ours"), hook(deployment=deployment, name="other")
    for each in (ours, other):
        deliver(each, deployment)
        deliver(each, deployment, **FAILED)
        deliver(each, deployment, delivered_at=factories.now())
        deliver(each, deployment, given_up_at=factories.now())
    client = signed_in(member("rob", "reviewers"))
    assert page(client, f"?webhook=ours&state={state}").count("<tr data-stop>") == number
    assert page(client).count("<tr data-stop>") == 8
    page(client, "?state=nonsense", 422)
    page(client, "?before=nonsense", 422)
    assert "No delivery fits." in page(client, "?webhook=nobody")


def test_only_deliveries_of_deployments_that_they_see_are_shown(deployment: Deployment) -> None:
    hidden = factories.deployment()
    secret = hook(deployment=hidden, name="secret")
    theirs = hook(service=factories.service(), name="of-a-system")
    deliver(secret, hidden)
    deliver(theirs, hidden)
    client = signed_in(member("olga", "operators"))
    assert "secret" not in page(client)
    assert "of-a-system" not in page(client)
    deliver(theirs, deployment)
    assert page(client).count("<tr data-stop>") == 1
    assert again(client, WebhookDelivery.objects.get(webhook=secret))[0] == 404


def test_pages_go_by_keys(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.delivery.deliveries.ON_PAGE", 2)
    ours = hook(deployment=deployment)
    made = [deliver(ours, deployment) for _ in range(3)]
    client = signed_in(member("olga", "operators"))
    assert f"?before={made[1].pk}" in page(client)
    older = page(client, f"?before={made[1].pk}")
    assert (str(made[0].message.uid) in older, str(made[2].message.uid) in older) == (True, False)


@pytest.mark.parametrize("group", ["operators", "admins"])
def test_who_operates_or_configures_sends_again(deployment: Deployment, group: str) -> None:
    delivery = deliver(hook(deployment=deployment), deployment, **FAILED, given_up_at=factories.now())
    client = signed_in(member("olga", group))
    assert "Send again" in page(client)
    assert again(client, delivery)[0] == 302
    delivery.refresh_from_db()
    assert (delivery.given_up_at, delivery.attempts) == (None, 0)
    assert delivery.due_at <= factories.now(1)
    assert "It will be sent to" in page(client)


def test_who_may_only_look_cannot_send_again(deployment: Deployment) -> None:
    delivery = deliver(hook(deployment=deployment), deployment, given_up_at=factories.now())
    client = signed_in(member("rob", "reviewers"))
    assert "Send again" not in page(client)
    status, said = again(client, delivery)
    assert (status, "right to configure or operate" in said) == (403, True)


def test_what_has_arrived_or_leads_nowhere_is_not_sent_again(deployment: Deployment) -> None:
    off = hook(deployment=deployment, active=False)
    arrived = deliver(hook(deployment=deployment), deployment, delivered_at=factories.now())
    lost = deliver(off, deployment, given_up_at=factories.now())
    client = signed_in(member("olga", "operators"))
    assert [again(client, each)[0] for each in (arrived, lost)] == [409, 409]
    assert "Send again" not in page(client)


def test_sending_again_is_a_form_of_ours_and_no_link(deployment: Deployment) -> None:
    delivery = deliver(hook(deployment=deployment), deployment, given_up_at=factories.now())
    someone = member("olga", "operators")
    assert signed_in(someone).get(f"/deliveries/{delivery.uid}/resend/").status_code == 405
    assert again(signed_in(someone, csrf=True), delivery)[0] == 403
    delivery.refresh_from_db()
    assert delivery.given_up_at is not None


def test_empty_page_says_what_to_do(deployment: Deployment) -> None:
    client = signed_in(member("olga", "operators"))
    assert "No webhook is set up" in page(client)
    hook(deployment=deployment)
    assert "Nothing was sent yet" in page(client)


def test_page_takes_few_queries(deployment: Deployment) -> None:
    ours = hook(deployment=deployment)
    for _ in range(5):
        deliver(ours, deployment)
    client = signed_in(member("olga", "operators"))
    page(client)
    with CaptureQueriesContext(connection) as queries:
        page(client, "?state=waiting")
    assert len(queries) <= 8, [query["sql"][:150] for query in queries]
