"""Policies in a browser: what changed between two versions, a call that is tried, a delivery that is sent again."""

from __future__ import annotations

import json

import pytest
import yaml

from orchestra.engine import outbox, publish
from orchestra.models import Deployment, OutboxMessage, Person, Webhook, WebhookDelivery
from orchestra.people import persons, roles
from orchestra.tools import toolbox
from tests import factories
from tests.e2e.conftest import Visit
from tests.e2e.test_reviewing import PASSWORD, fits
from tests.gate.stage import STORE

pytestmark = pytest.mark.e2e
RULE = {
    "id": "order_gone",
    "tools": ["cancel_pending_order"],
    "verdict": "deny",
    "message": "There is no order of this id.",
    "when": "observed.order == null",
}
ASKS = {**RULE, "id": "asks", "verdict": "review", "message": "Two look.", "requires": {"votes": 2}}


@pytest.fixture
def deployment() -> Deployment:
    """A deployment in dev, tools of the store, and a policy in two versions; olga operates."""
    toolbox.forget()
    made = factories.deployment()
    roles.give_defaults(made)
    ada = persons.add(name="ada", full_name="Ada", groups=["admins"], password=None)
    persons.add(name="olga", full_name="Olga", groups=["operators"], password=PASSWORD)
    for name in ("tools.yaml", "bindings.yaml"):
        publish.text((STORE / name).read_text(), by=ada, environment="dev")
    put_in_force(ada, {**RULE, "message": "No such order."})
    put_in_force(ada, RULE, {**ASKS, "when": "observed.order != null"})
    return made


def put_in_force(by: Person, *rules: object) -> None:
    text = yaml.safe_dump({"kind": "policy", "name": "store", "spec": {"rules": list(rules)}})
    publish.text(text, by=by, environment="dev")


def sign_in(visit: Visit, path: str, heading: str) -> None:
    visit.go(path)
    visit.page.get_by_label("User name").fill("olga")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", name=heading, exact=True).wait_for()


def test_reader_finds_a_policy_and_sees_what_changed(visit: Visit, deployment: Deployment) -> None:
    page = visit.page
    sign_in(visit, "/policies/", "Policies")
    assert fits(visit)
    page.get_by_label("Words").fill("no order of this id")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name="order_gone").click()
    page.get_by_text("the observed order is missing").wait_for()
    assert fits(visit)
    page.get_by_role("link", name="What changed since v1").click()
    page.get_by_role("heading", name="2 rules changed").wait_for()
    assert page.locator("del").filter(has_text="No such order.").count() == 2
    assert page.locator("ins").filter(has_text="There is no order of this id.").count() == 2
    assert fits(visit)


def test_reader_tries_a_call(visit: Visit, deployment: Deployment) -> None:
    page = visit.page
    sign_in(visit, "/policies/try/", "Try a call")
    page.get_by_label("Tool", exact=True).fill("cancel_pending_order")
    page.get_by_label("Arguments, as a JSON object").fill("{")
    page.get_by_role("button", name="Try it in dev").click()
    page.locator("#arguments-wrong").wait_for()
    visit.complaints.clear()  # the browser notes every answer of 422
    page.get_by_label("Arguments, as a JSON object").fill(json.dumps({"order_id": "#W1"}))
    page.get_by_text("What else is known about it").click()
    page.get_by_label("What the tool observed, as a JSON object").fill('{"order": {"status": "pending"}}')
    page.get_by_role("button", name="Try it in dev").click()
    page.get_by_text("Two persons must approve.").first.wait_for()
    assert "Ask people" in page.locator("#ruling").inner_text()
    page.get_by_text("1 rule for this tool that did not match").click()
    assert fits(visit)


def test_operator_sends_a_delivery_again(visit: Visit, deployment: Deployment) -> None:
    run = factories.run(factories.task(deployment), state="succeeded")
    outbox.announce(run)
    hook = Webhook.objects.create(
        name="shop", url="https://example.com/", secret_reference="env:X", deployment=deployment
    )
    lost = WebhookDelivery.objects.create(
        message=OutboxMessage.objects.get(run=run),
        webhook=hook,
        due_at=factories.now(),
        attempts=19,
        last_error="It answered 500.",
        given_up_at=factories.now(),
    )
    sign_in(visit, "/deliveries/?state=given-up", "Deliveries")
    assert fits(visit)
    visit.page.get_by_role("button", name="Send again").click()
    visit.page.get_by_text("It will be sent to shop in a moment.").wait_for()
    lost.refresh_from_db()
    assert (lost.given_up_at, lost.attempts) == (None, 0)
