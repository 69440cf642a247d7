"""Trying a call: what the policies in force would say, and why; nothing is called and nothing is written down."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra import canonical
from orchestra.engine import publish
from orchestra.models import AgentVersion, AuditEvent, Grant, Person, Ruling, ToolCall
from orchestra.people import roles
from orchestra.tools import toolbox
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member
from tests.gate.stage import STORE
from tests.pages.test_review_pages import signed_in

CANCEL = "cancel_pending_order"
RULE = {
    "id": "order_gone",
    "tools": [CANCEL],
    "verdict": "deny",
    "message": "There is no order of this id.",
    "when": "observed.order == null",
}
MATCHES = {"id": "matches", "tools": [CANCEL], "message": "A share is seen."}
ASKS = {
    "id": "asks",
    "tools": ["cancel_*"],
    "verdict": "review",
    "message": "Two look.",
    "requires": {"votes": 2},
}


def put_in_force(*rules: dict[str, Any], by: Person) -> None:
    text = yaml.safe_dump({"kind": "policy", "name": "store", "spec": {"rules": list(rules)}})
    publish.text(text, by=by, environment="dev")


@pytest.fixture
def ada(database: Database) -> Person:
    """Who publishes: the tools of the store, bound in dev, and an agent that may cancel orders."""
    toolbox.forget()
    ada = member("ada", "admins")
    publish.text((STORE / "tools.yaml").read_text(), by=ada, environment="dev")
    publish.text((STORE / "bindings.yaml").read_text(), by=ada, environment="dev")
    agent = {"adapter": "scripted", "model": "m", "settings": {"script": []}, "grants": [CANCEL]}
    publish.text(json.dumps({"kind": "agent", "name": "clerk", "spec": agent}), by=ada, environment="dev")
    roles.give_defaults(factories.deployment())
    return ada


@pytest.fixture
def client(ada: Person) -> Client:
    return signed_in(member("rita", "requesters"))


def attempt(client: Client, status: int = 200, **form: str) -> str:
    given = {"environment": "dev", "mode": "execution", "tool": CANCEL, "arguments": "{}", **form}
    answer = client.post("/policies/try/", given)
    page = answer.content.decode()
    assert answer.status_code == status, page[:2000]
    return page


def verdict(page: str) -> str:
    """The badge of the outcome."""
    return page.split('id="ruling"')[1].split('">')[1].split("<")[0].strip()


def test_ruling_is_told_with_every_rule_that_matched_and_those_that_did_not(
    client: Client, ada: Person
) -> None:
    put_in_force(RULE, ASKS, by=ada)
    page = attempt(client, arguments='{"order_id": "#W1"}', observed='{"order": {"status": "pending"}}')
    assert verdict(page) == "Ask people"
    assert "Two persons must approve." in page
    assert 'href="/policies/store/?version=1#asks"' in page
    assert "1 rule for this tool that did not match" in page
    assert "the observed order is missing" in page


def test_rule_that_denies_wins(client: Client, ada: Person) -> None:
    put_in_force(RULE, ASKS, by=ada)
    page = attempt(client, observed='{"order": null}')
    assert (verdict(page), "There is no order of this id." in page) == ("Deny", True)


def test_rule_that_cannot_be_evaluated_denies_and_says_what_is_missing(client: Client, ada: Person) -> None:
    put_in_force(RULE, by=ada)
    page = attempt(client)
    assert verdict(page) == "Deny"
    assert "store v1, rule order_gone" in page


def test_agent_without_a_grant_and_tool_that_is_not_there_are_denied(client: Client, ada: Person) -> None:
    assert "The agent may not use this tool here." in attempt(
        client, agent="clerk", tool="modify_user_address"
    )
    assert "There is no such tool." in attempt(client, tool="burn")
    assert verdict(attempt(client, agent="clerk")) == "Ask people"


def test_mode_counts(client: Client, ada: Person) -> None:
    put_in_force(
        {**RULE, "id": "fine", "verdict": "allow", "when": "true == (tool == 'cancel_pending_order')"}, by=ada
    )
    assert verdict(attempt(client, mode="execution")) == "Allow"
    assert "Here a person decides about every write." in attempt(client, mode="proposal")
    page = attempt(client, mode="sampled")
    assert "Only a share of such calls" in page


@pytest.mark.parametrize(
    ("rule", "mode", "said"),
    [
        ({"verdict": "allow"}, "sampled", "(10%)"),
        ({"verdict": "review", "requires": {"sample": 0.05}}, "sampled", "(10%)"),
        ({"verdict": "review", "requires": {"sample": 0.5}}, "sampled", "(50%)"),
        ({"verdict": "review", "requires": {"sample": 0.001}}, "execution", "(0.1%)"),
        ({"verdict": "review", "requires": {"sample": 0.05}}, "proposal", ""),
    ],
)
def test_share_that_people_see_is_the_one_that_is_taken(
    client: Client, ada: Person, rule: dict[str, Any], mode: str, said: str
) -> None:
    put_in_force({**MATCHES, **rule}, by=ada)
    outcome = attempt(client, mode=mode).split('id="ruling"')[1].split("<h3>")[0]
    assert re.findall(r"\([\d.]+%\)", outcome) == ([said] if said else [])
    assert "People see" not in outcome


def test_what_was_identified_counts(client: Client, ada: Person) -> None:
    put_in_force({**RULE, "when": "!(args.user_id in run.identified)"}, by=ada)
    assert verdict(attempt(client, arguments='{"user_id": "u1"}')) == "Deny"
    assert verdict(attempt(client, arguments='{"user_id": "u1"}', identified="u0\nu1")) == "Ask people"


def test_where_values_come_from_counts(client: Client, ada: Person) -> None:
    put_in_force({**RULE, "when": 'provenance.order_id == "agent"'}, by=ada)
    given = '{"order_id": "1"}'
    assert verdict(attempt(client, arguments=given, origin="agent")) == "Deny"
    assert verdict(attempt(client, arguments=given, origin="requester")) == "Ask people"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"arguments": "{"}, "arguments"),
        ({"arguments": "[1]"}, "arguments"),
        ({"observed": "nope"}, "observed"),
        ({"preview": '{"a": 1, "a": 2}'}, "preview"),
        ({"tool": ""}, "tool"),
        ({"call": "nonsense"}, "call"),
    ],
)
def test_form_that_cannot_be_read_says_why_at_the_field_and_keeps_the_text(
    client: Client, form: dict[str, str], field: str
) -> None:
    page = attempt(client, 422, **form)
    assert f'id="{field}-wrong"' in page
    assert 'id="ruling"' not in page
    if field == "observed":
        assert "nope</textarea>" in page


def made(ada: Person, **columns: Any) -> ToolCall:
    """A call that was judged, with what was known of it."""
    deployment = columns.pop("deployment", None) or factories.deployment()
    roles.give_defaults(deployment)
    step = factories.step(factories.run(factories.task(deployment)))
    if agent := columns.pop("agent_version", None):
        columns["turn"] = factories.turn(step, agent_version=agent)
    call = factories.toolcall(step, tool_name=CANCEL, **columns)
    known = {
        "tool": CANCEL, "effect": "write", "delivery": "key", "tier": 2, "args": {"canary": "canary"},
        "observed": {"order": None}, "mode": "proposal", "environment": "dev",
    }  # fmt: skip
    factories.ruling(call, verdict="review", context=canonical.encode(known))
    return call


def test_call_that_was_made_is_tried_with_what_was_known_of_it(client: Client, ada: Person) -> None:
    put_in_force(RULE, by=ada)
    call = made(ada)
    assert str(call.uid) in client.get("/policies/try/?environment=dev").content.decode()
    page = attempt(client, call=str(call.uid), tool="")
    assert (verdict(page), "canary" in page) == ("Deny", False)


def test_call_of_an_agent_is_tried_with_what_the_agent_may_now(client: Client, ada: Person) -> None:
    put_in_force(ASKS, by=ada)
    agent = AgentVersion.objects.get(agent__name="clerk")
    call = made(ada, agent_version=agent)
    assert verdict(attempt(client, call=str(call.uid), tool="")) == "Ask people"
    Grant.objects.all().delete()
    page = attempt(client, call=str(call.uid), tool="")
    assert (verdict(page), "The agent may not use this tool here." in page) == ("Deny", True)


def test_call_of_a_deployment_that_they_do_not_see_cannot_be_tried(client: Client, ada: Person) -> None:
    hidden = factories.deployment()
    step = factories.step(factories.run(factories.task(hidden)))
    call = factories.toolcall(step, tool_name=CANCEL)
    factories.ruling(call, verdict="review", context=canonical.encode({"tool": CANCEL}))
    assert str(call.uid) not in client.get("/policies/try/").content.decode()
    assert "no such call" in attempt(client, 422, call=str(call.uid))


def test_trying_writes_nothing_and_needs_the_token_of_the_form(client: Client, ada: Person) -> None:
    put_in_force(RULE, ASKS, by=ada)
    before = (AuditEvent.objects.count(), Ruling.objects.count(), ToolCall.objects.count())
    attempt(client)
    with CaptureQueriesContext(connection) as queries:
        attempt(client)
    assert [query for query in queries if not query["sql"].lstrip("( \n").startswith("SELECT")] == []
    assert (AuditEvent.objects.count(), Ruling.objects.count(), ToolCall.objects.count()) == before
    strict = signed_in(Person.objects.get(name="rita"), csrf=True)
    assert strict.post("/policies/try/", {"environment": "dev", "tool": CANCEL}).status_code == 403
    assert client.put("/policies/try/").status_code == 405


def test_text_that_nothing_can_hold_is_refused(client: Client) -> None:
    for name in ("tool", "agent", "environment", "mode", "origin", "call"):
        assert "NUL" in attempt(client, 422, **{name: "a\0b"})


def test_environment_in_which_they_see_nothing_is_not_there(client: Client, ada: Person) -> None:
    factories.environment("prod")
    attempt(client, 404, environment="prod")
    assert client.get("/policies/try/?environment=prod").status_code == 404


def test_trying_takes_few_queries(client: Client, ada: Person) -> None:
    put_in_force(RULE, ASKS, by=ada)
    made(ada)
    client.get("/policies/try/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/policies/try/")
    assert len(queries) <= 8, [query["sql"][:150] for query in queries]
    with CaptureQueriesContext(connection) as queries:
        attempt(client, agent="clerk")
    assert len(queries) <= 13, [query["sql"][:150] for query in queries]
