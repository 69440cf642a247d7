"""Places, addresses and limits in the administration: wrong values are told at their field, and changes of what is protected wait."""

from __future__ import annotations

from typing import Any

import pytest
from guardian.shortcuts import assign_perm

from orchestra.admin.addresses import BudgetForm
from orchestra.audit import governance
from orchestra.models import (
    Budget,
    Deployment,
    Environment,
    Grant,
    RoutingRule,
    ToolBinding,
    User,
    Webhook,
    WorkflowVersion,
)
from orchestra.people import roles
from tests import factories
from tests.administration.conftest import send, signed_in, staff, text


def change(row: Deployment | Environment | ToolBinding | Grant | Budget) -> str:
    return f"/admin/orchestra/{row._meta.model_name}/{row.pk}/change/"


def mode(row: Deployment) -> str:
    return Deployment.objects.get(pk=row.pk).mode


@pytest.fixture
def second(deployment: Deployment) -> User:
    """Another admin."""
    return staff("bea", "admins")


def test_mode_is_changed_with_a_reason_and_told_as_a_move(admin: User, deployment: Deployment) -> None:
    client = signed_in(admin)
    assert "Say why fewer writes shall wait" in text(send(client, change(deployment), mode="execution"))
    assert mode(deployment) == "proposal"
    send(client, change(deployment), mode="execution", why="it went well for a month")
    assert mode(deployment) == "execution"
    (event,) = governance.told(deployment)
    assert (event.actor, event.source, event.target) == ("person:ada", "proposal", "execution")
    assert event.reason.endswith("it went well for a month")


def test_deployment_is_changed_by_who_may_configure_it_alone(auditor: User, deployment: Deployment) -> None:
    client = signed_in(auditor)
    assert client.get(change(deployment)).status_code == 200
    assert client.post(change(deployment), {"mode": "execution", "why": "x"}).status_code == 403
    assert mode(deployment) == "proposal"


def test_canary_needs_a_version_and_fits_into_a_hundred(admin: User, deployment: Deployment) -> None:
    answer = send(signed_in(admin), change(deployment), canary_share="101")
    assert "at most 100 percent" in text(answer)
    assert "A share needs a version that takes it" in text(answer)


def test_in_a_protected_environment_a_second_person_confirms(
    admin: User, second: User, deployment: Deployment
) -> None:
    Environment.objects.update(protected=True)
    send(signed_in(admin), change(deployment), mode="execution", why="it went well")
    assert mode(deployment) == "proposal"
    page = text(signed_in(admin).get(change(deployment)))
    assert "You proposed this, so someone else must confirm it" in page
    assert confirm(admin, deployment) == "proposal"
    assert confirm(second, deployment) == "execution"
    confirmed, proposed = governance.told(deployment)
    assert (proposed.actor, proposed.target) == ("person:ada", "proposed")
    assert (confirmed.actor, confirmed.source, confirmed.target) == ("person:bea", "proposal", "execution")
    assert "proposed by ada" in confirmed.reason


def confirm(by: User, row: Deployment) -> str:
    """Press the button that the page shows; where the deployment is afterwards."""
    page = text(signed_in(by).get(change(row)))
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    signed_in(by).post(f"/admin/orchestra/deployment/{row.pk}/confirm/", {"seen": seen})
    return mode(row)


def test_what_was_replaced_meanwhile_is_not_confirmed(
    admin: User, second: User, deployment: Deployment
) -> None:
    Environment.objects.update(protected=True)
    send(signed_in(admin), change(deployment), max_running="5")
    path = f"/admin/orchestra/deployment/{deployment.pk}/confirm/"
    assert "no longer proposed" in text(signed_in(second).post(path, {"seen": "1"}, follow=True))
    assert Deployment.objects.get(pk=deployment.pk).max_running is None


def test_protection_is_not_switched_off_by_one_person(
    admin: User, second: User, deployment: Deployment
) -> None:
    place = deployment.environment
    send(signed_in(admin), change(place), protected="on")
    assert Environment.objects.get(pk=place.pk).protected
    assert told(place) == ["person:ada changed: Protected: no to yes"]
    send(signed_in(admin), change(place), protected=None)
    assert Environment.objects.get(pk=place.pk).protected
    assert told(place)[0] == "person:ada proposed: protected: no"
    signed_in(admin).post(f"/admin/orchestra/environment/{place.pk}/discard/", {"seen": "0"})
    assert "Proposed, not in force" in text(signed_in(second).get(change(place)))
    assert len(told(place)) == 2


@pytest.mark.parametrize("verb", ["confirm", "discard"])
@pytest.mark.parametrize("seen", ["", "abc", "-1", "٣", "9" * 5_000])
def test_a_stamp_that_is_none_confirms_and_forgets_nothing(
    admin: User, second: User, deployment: Deployment, verb: str, seen: str
) -> None:
    Environment.objects.update(protected=True)
    send(signed_in(admin), change(deployment), max_running="5")
    path = f"/admin/orchestra/deployment/{deployment.pk}/{verb}/"
    assert "no longer proposed" in text(signed_in(second).post(path, {"seen": seen}, follow=True))
    assert "Proposed, not in force" in text(signed_in(second).get(change(deployment)))


@pytest.fixture
def newer(deployment: Deployment) -> WorkflowVersion:
    """A version that holds nowhere."""
    return factories.version({"steps": []}, workflow=deployment.workflow)


@pytest.fixture
def keeper(deployment: Deployment) -> User:
    """An admin who may configure the deployment and not publish there."""
    keepers = factories.group("keepers")
    for right in ("view", "configure"):
        assign_perm(right, keepers, deployment)
    return staff("kim", "keepers")


def test_canary_takes_the_right_to_publish(
    admin: User, keeper: User, deployment: Deployment, newer: WorkflowVersion
) -> None:
    given = {"canary_version": newer.pk, "canary_share": "100"}
    assert "takes the right to publish here" in text(send(signed_in(keeper), change(deployment), **given))
    assert canary(deployment) == (None, 0)
    assert told(deployment)[0].startswith("person:kim refused: This puts a version in force")
    send(signed_in(keeper), change(deployment), max_running="5")
    assert told(deployment)[0] == "person:kim changed: Max running: nothing to 5"
    send(signed_in(admin), change(deployment), **given)
    assert canary(deployment) == (newer.pk, 100)
    assert "takes the right" in text(send(signed_in(keeper), change(deployment), canary_share="5"))
    assert canary(deployment) == (newer.pk, 100)


def test_who_confirms_a_canary_may_publish_too(
    admin: User, second: User, keeper: User, deployment: Deployment, newer: WorkflowVersion
) -> None:
    Environment.objects.update(protected=True)
    send(signed_in(admin), change(deployment), canary_version=newer.pk, canary_share="10")
    confirm(keeper, deployment)
    assert canary(deployment) == (None, 0)
    confirm(second, deployment)
    assert canary(deployment) == (newer.pk, 10)


def canary(row: Deployment) -> tuple[int | None, int]:
    row = Deployment.objects.get(pk=row.pk)
    return row.canary_version_id, row.canary_share


def told(row: Deployment | Environment) -> list[str]:
    """What the record says of a row, the newest first."""
    return [f"{event.actor} {event.target}: {event.reason}" for event in governance.told(row)]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("base_url", "ftp://store", "scheme, host, port and perhaps a path"),
        ("base_url", "http://127.0.0.1:8100", "if it is meant, let the binding open 127.0.0.1:8100"),
        ("base_url", "https://store.example.org/{world}", "the label 'world' is not among `labels`"),
        ("secret_reference", "sk_live_1234567890", "A secret reference reads env:NAME or file:"),
        ("secret_reference", "env:DATABASE_URL", "configures Orchestra itself"),
        ("allow", "not a host!", "The host holds a space"),
    ],
)
def test_address_of_a_tool_is_held_against_the_rules_of_the_edge(
    admin: User, deployment: Deployment, field: str, value: str, said: str
) -> None:
    row = factories.binding(base_url="https://store.example.org")
    page = text(send(signed_in(admin), change(row), **{field: value}))
    assert said in page
    assert value not in str(governance.told(row))
    assert ToolBinding.objects.get(pk=row.pk).base_url == "https://store.example.org"


def test_address_of_a_tool_is_changed_with_a_trace(admin: User, deployment: Deployment) -> None:
    row = factories.binding(base_url="https://store.example.org")
    send(signed_in(admin), change(row), base_url="http://127.0.0.1:8100", allow="127.0.0.1:8100", why="moved")
    row.refresh_from_db()
    assert (row.base_url, row.settings["allow"]) == ("http://127.0.0.1:8100", ["127.0.0.1:8100"])
    assert "https://store.example.org to http://127.0.0.1:8100" in governance.told(row)[0].reason


def test_version_of_a_tool_that_is_bound_is_not_a_setting(admin: User, deployment: Deployment) -> None:
    row = factories.binding(base_url="https://store.example.org")
    newer = factories.toolversion(tool=row.tool, number=2, digest=bytes(31) + b"2")
    send(signed_in(admin), change(row), version=newer.pk, at_once="5")
    row.refresh_from_db()
    assert (row.version.number, row.at_once) == (1, 5)
    assert governance.told(row)[0].reason == "At once: nothing to 5"


def test_address_of_a_tool_takes_the_right_on_every_deployment_there(
    admin: User, deployment: Deployment
) -> None:
    row = factories.binding(base_url="https://store.example.org")
    factories.deployment()  # somebody else's
    assert (
        signed_in(admin).post(change(row), {"base_url": "https://elsewhere.example.org"}).status_code == 403
    )


def test_in_a_protected_environment_addresses_and_grants_are_only_read(
    root: User, deployment: Deployment
) -> None:
    row, agent = factories.binding(base_url="https://store.example.org"), factories.agentversion().agent
    Environment.objects.update(protected=True)
    client = signed_in(root)
    assert client.post(change(row), {"base_url": "https://elsewhere.example.org"}).status_code == 403
    given = {"agent": agent.pk, "tool": row.tool_id, "environment": row.environment_id}
    assert "is protected: change this by a draft" in text(client.post("/admin/orchestra/grant/add/", given))
    assert not Grant.objects.exists()


def test_grant_is_given_by_who_saves_it_and_taken_back_with_a_trace(
    admin: User, deployment: Deployment
) -> None:
    row, agent = factories.binding(), factories.agentversion().agent
    given = {"agent": agent.pk, "tool": row.tool_id, "environment": row.environment_id}
    assert signed_in(admin).post("/admin/orchestra/grant/add/", given).status_code == 302
    grant = Grant.objects.get()
    assert grant.granted_by == admin.person
    signed_in(admin).post(f"/admin/orchestra/grant/{grant.pk}/delete/", {"post": "yes"})
    assert not Grant.objects.exists()
    assert [event.target for event in governance.told(grant)] == ["deleted", "added"]


def test_condition_of_a_rule_is_read_before_it_is_kept(admin: User, deployment: Deployment) -> None:
    given = {"name": "billing", "position": "1", "deployment": deployment.pk, "active": "on"}
    client, path = signed_in(admin), "/admin/orchestra/routingrule/add/"
    assert "nobody" in text(client.post(path, {**given, "condition": "nobody.knows == 1"}))
    assert client.post(path, {**given, "condition": 'labels["team"] == "billing"'}).status_code == 302
    assert RoutingRule.objects.get().deployment == deployment


def test_rules_lead_only_to_deployments_that_are_theirs_to_configure(
    admin: User, deployment: Deployment
) -> None:
    foreign = factories.deployment()
    given = {"name": "x", "position": "1", "deployment": foreign.pk, "condition": "true"}
    assert "not one of the available choices" in text(
        signed_in(admin).post("/admin/orchestra/routingrule/add/", given)
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("url", "http://169.254.169.254/latest", "refused"),
        ("url", "https://example.org:99/x", "Port 99 is not open"),
        ("secret_reference", "whsec_abcdefghijklmnop", "A secret reference reads env:NAME"),
        ("deployment", "", "choose one"),
    ],
)
def test_webhook_is_held_against_the_rules_of_the_edge(
    admin: User, deployment: Deployment, field: str, value: str, said: str
) -> None:
    given = {
        "name": "crm",
        "url": "https://example.org/hook",
        "secret_reference": "env:CRM_HOOK",
        "deployment": deployment.pk,
        "topics": ["run.failed"],
        "active": "on",
    }
    client, path = signed_in(admin), "/admin/orchestra/webhook/add/"
    assert said in text(client.post(path, {**given, field: value}))
    assert client.post(path, given).status_code == 302
    assert Webhook.objects.get().topics == ["run.failed"]


def test_limit_is_never_below_what_is_used(admin: User, deployment: Deployment) -> None:
    row = Budget.objects.create(deployment=deployment, resource="turns", limit=5, used=3)
    assert "3 are used or set aside already" in text(send(signed_in(admin), change(row), limit="2"))
    send(signed_in(admin), change(row), limit="9")
    assert Budget.objects.get(pk=row.pk).limit == 9
    assert governance.told(row)[0].reason == "Limit: 5 to 9"


def test_what_workers_count_meanwhile_is_not_written_over(
    admin: User, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Budget.objects.create(deployment=deployment, resource="turns", limit=5, used=1)
    read = BudgetForm.clean

    def counting(form: BudgetForm) -> dict[str, Any]:
        Budget.objects.filter(pk=row.pk).update(used=2, reserved=1)
        return read(form)

    monkeypatch.setattr(BudgetForm, "clean", counting)
    send(signed_in(admin), change(row), limit="9")
    row.refresh_from_db()
    assert str(row) == "2 + 1 of 9 turns"


@pytest.mark.parametrize("resource", ["cost", "tokens", "steps"])
def test_no_limit_is_offered_of_what_nobody_counts(
    admin: User, deployment: Deployment, resource: str
) -> None:
    given = {"deployment": deployment.pk, "resource": resource, "limit": "500"}
    client, path = signed_in(admin), "/admin/orchestra/budget/add/"
    assert f'value="{resource}"' not in text(client.get(path))
    assert "is not one of the available choices" in text(client.post(path, given))
    assert client.post(path, {**given, "resource": "tool_calls"}).status_code == 302
    assert Budget.objects.get().resource == "tool_calls"


def test_admin_without_the_right_on_a_deployment_does_not_see_it(deployment: Deployment) -> None:
    outsider = staff("olaf", "admins")
    foreign = factories.deployment()
    assert outsider.person
    assert not roles.may(outsider.person, "view", foreign)
    assert signed_in(outsider).get(change(foreign), follow=True).redirect_chain
