"""People in the administration: added and changed with a trace, and nobody gives themselves anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group

from orchestra.audit import governance
from orchestra.models import (
    Agent,
    ApiToken,
    Deployment,
    DeploymentGroupPermission,
    Person,
    ServiceAccount,
    User,
)
from orchestra.people import roles, tokens
from tests import factories
from tests.administration.conftest import data, send, signed_in, staff, text
from tests.databases import Database

PASSWORD = "correct horse battery staple"


def change(row: User | Person | Group | Agent | ServiceAccount) -> str:
    """The page of a row."""
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def reasons(row: governance.Governed) -> list[str]:
    """What the record says of a row, the newest first."""
    return [f"{event.actor} {event.target}: {event.reason}" for event in governance.told(row)]


def group(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_admin_adds_a_person_with_an_account_that_can_sign_in(admin: User) -> None:
    client = signed_in(admin)
    assert (
        client.post(
            "/admin/orchestra/person/add/", {"name": "rob", "full_name": "Rob", "active": "on"}
        ).status_code
        == 302
    )
    person = Person.objects.get(name="rob")
    given = data(client, f"/admin/orchestra/user/add/?person={person.pk}&username=rob")
    answer = client.post(
        "/admin/orchestra/user/add/", {**given, "new_password": PASSWORD, "groups": [group("reviewers")]}
    )
    assert answer.status_code == 302
    account = User.objects.get(username="rob")
    assert (account.person, account.check_password(PASSWORD)) == (person, True)
    assert reasons(person) == ["person:ada added: Name: rob; Full name"]
    assert "groups: +reviewers" in reasons(account)[0].lower()
    assert PASSWORD not in reasons(account)[0]


def test_a_weak_password_is_refused_in_words(admin: User) -> None:
    answer = send(signed_in(admin), "/admin/orchestra/user/add/", username="rob", new_password="short")
    assert "at least 12 characters" in text(answer)
    assert not User.objects.filter(username="rob").exists()


def test_a_password_that_an_admin_sets_is_told_but_not_written_into_the_record(admin: User) -> None:
    rob = staff("rob", "reviewers")
    send(signed_in(admin), change(rob), new_password=PASSWORD, why="lost theirs")
    assert User.objects.get(pk=rob.pk).check_password(PASSWORD)
    assert reasons(rob) == ["person:ada changed: New password changed: lost theirs"]


@pytest.mark.parametrize("field", ["groups", "is_superuser", "is_staff"])
def test_nobody_gives_themselves_rights(root: User, field: str) -> None:
    value = {"groups": [group("reviewers")], "is_superuser": None, "is_staff": None}[field]
    answer = send(signed_in(root), change(root), **{field: value})
    assert "This is your own account, so someone else must change this" in text(answer)
    assert list(root.groups.all()) == []
    assert "person:root refused: This is your own account" in reasons(root)[0]


def test_nobody_gives_rights_to_another_account_of_theirs(admin: User) -> None:
    second = User.objects.create(username="ada-2", person=admin.person)
    answer = send(signed_in(admin), change(second), groups=[group("reviewers")])
    assert "your own account" in text(answer)
    assert not second.groups.exists()


def test_nobody_makes_an_account_with_rights_for_themselves(admin: User) -> None:
    given = {
        "username": "ada-2",
        "person": admin.person_id,
        "groups": [group("reviewers")],
        "is_active": "on",
    }
    assert "your own account" in text(send(signed_in(admin), "/admin/orchestra/user/add/", **given))
    assert not User.objects.filter(username="ada-2").exists()


def test_nobody_takes_over_an_account_that_has_rights(admin: User) -> None:
    rob = staff("rob", "reviewers")
    assert "your own account" in text(send(signed_in(admin), change(rob), person=admin.person_id))
    assert User.objects.get(pk=rob.pk).person != admin.person


def test_only_a_superuser_touches_a_superuser(admin: User, root: User) -> None:
    client = signed_in(admin)
    assert client.post(change(root), {"username": "root", "new_password": PASSWORD}).status_code == 403
    rob = staff("rob")
    send(client, change(rob), is_superuser="on", why="try")
    assert not User.objects.get(pk=rob.pk).is_superuser
    send(signed_in(root), change(rob), is_superuser="on")
    assert User.objects.get(pk=rob.pk).is_superuser


@pytest.mark.parametrize("active", [True, False], ids=["active", "shut"])
def test_nobody_makes_an_account_of_a_superusers_person(admin: User, root: User, active: bool) -> None:
    User.objects.filter(pk=root.pk).update(is_active=active)
    given = {"username": "root-2", "person": root.person_id, "is_active": "on", "new_password": PASSWORD}
    answer = send(signed_in(admin), "/admin/orchestra/user/add/", **given)
    assert "only a superuser gives them accounts" in text(answer)
    assert not User.objects.filter(username="root-2").exists()


def test_nobody_hands_an_account_to_a_superusers_person(admin: User, root: User) -> None:
    rob = staff("rob")
    assert "only a superuser" in text(send(signed_in(admin), change(rob), person=root.person_id))
    assert User.objects.get(pk=rob.pk).person == rob.person
    assert "person:ada refused: This person is a superuser" in reasons(rob)[0]


def test_every_account_of_a_superusers_person_is_a_superusers(admin: User, root: User) -> None:
    second = User.objects.create(username="root-2", person=root.person, is_staff=True)
    given = {"username": "root-2", "person": root.person_id, "is_active": "on", "new_password": PASSWORD}
    assert signed_in(admin).post(change(second), given).status_code == 403
    assert not User.objects.get(pk=second.pk).check_password(PASSWORD)
    owner = signed_in(staff("rosa", is_superuser=True))
    assert send(owner, change(second), new_password=PASSWORD).status_code == 302
    assert User.objects.get(pk=second.pk).check_password(PASSWORD)


def test_second_factor_of_a_superusers_person_is_taken_away_by_superusers_alone(
    admin: User, root: User
) -> None:
    second = User.objects.create(username="root-2", person=root.person)
    factor = Authenticator.objects.create(user=second, type=Authenticator.Type.TOTP, data={})
    path = f"/admin/mfa/authenticator/{factor.pk}/delete/"
    assert signed_in(admin).post(path, {"post": "yes"}).status_code == 403
    assert signed_in(root).post(path, {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()


def test_nobody_shuts_a_superuser_out_by_their_person(admin: User, root: User) -> None:
    assert root.person
    client = signed_in(admin)
    assert client.post(change(root.person), {"email": "ada@example.org"}).status_code == 403
    root.person.refresh_from_db()
    assert (root.person.active, root.person.email) == (True, "")
    assert send(signed_in(root), change(root.person), full_name="Ro Ot").status_code == 302


def test_nobody_widens_what_their_own_group_may_do(admin: User) -> None:
    admins = Group.objects.get(name="admins")
    before = set(admins.permissions.values_list("pk", flat=True))
    wider = data(signed_in(admin), change(admins))["permissions"]
    answer = send(signed_in(admin), change(admins), permissions=wider[:-1])
    assert "You are in this group, so someone else must change what it may do" in text(answer)
    assert set(admins.permissions.values_list("pk", flat=True)) == before


def test_group_page_names_its_members_and_keeps_its_name(admin: User) -> None:
    staff("rob", "reviewers")
    reviewers = Group.objects.get(name="reviewers")
    assert "rob" in text(signed_in(admin).get(change(reviewers)))
    send(signed_in(admin), change(reviewers), name="deciders")
    assert Group.objects.filter(name="reviewers").exists()
    assert "a letter first" in text(send(signed_in(admin), "/admin/auth/group/add/", name="No Good"))


def test_rights_of_groups_are_a_table_of_boxes(admin: User, deployment: Deployment) -> None:
    path = f"/admin/orchestra/deployment/{deployment.pk}/rights/"
    shown = data(signed_in(admin), path)
    requesters = group("requesters")
    assert f"{requesters}:submit" in shown["right"]
    wanted = [box for box in shown["right"] if box != f"{requesters}:submit"] + [f"{requesters}:audit"]
    signed_in(admin).post(path, {**shown, "right": wanted})
    assert set(
        DeploymentGroupPermission.objects.filter(group=requesters).values_list(
            "permission__codename", flat=True
        )
    ) == {"view", "audit"}
    assert reasons(deployment) == ["person:ada rights: requesters: +audit -submit"]


def test_nobody_gives_rights_to_a_group_that_they_are_in(admin: User, deployment: Deployment) -> None:
    path = f"/admin/orchestra/deployment/{deployment.pk}/rights/"
    shown = data(signed_in(admin), path)
    wanted = [*shown["right"], f"{group('admins')}:review"]
    answer = signed_in(admin).post(path, {**shown, "right": wanted}, follow=True)
    assert "You are in the group admins, so someone else must give it rights" in text(answer)
    assert not roles.may(admin.person, "review", deployment)  # type: ignore[arg-type]
    assert "refused" in reasons(deployment)[0]


@pytest.mark.parametrize("seen", [True, False], ids=["behind", "without a stamp"])
def test_a_page_that_is_behind_takes_back_no_rights_that_somebody_else_gave(
    admin: User, deployment: Deployment, seen: bool
) -> None:
    path = f"/admin/orchestra/deployment/{deployment.pk}/rights/"
    old = data(signed_in(admin), path)
    given = f"{group('auditors')}:review"
    send(signed_in(staff("bea", "admins")), path, right=[*old["right"], given])
    behind = old if seen else {"right": old["right"]}
    answer = signed_in(admin).post(path, behind, follow=True)
    assert "The rights were changed since you looked, so nothing was saved" in text(answer)
    assert given in data(signed_in(admin), path)["right"]
    assert [event.actor for event in governance.told(deployment)] == ["person:bea"]


def test_rights_take_the_right_to_configure_and_the_permission(
    database: Database, deployment: Deployment, auditor: User
) -> None:
    path = f"/admin/orchestra/deployment/{deployment.pk}/rights/"
    assert signed_in(auditor).post(path, {"right": []}).status_code == 403
    assert signed_in(staff("olaf")).get(path).status_code == 404
    assert DeploymentGroupPermission.objects.exists()


def test_a_system_gets_an_account_that_nobody_can_sign_in_with(admin: User) -> None:
    owner = factories.person("otto")
    given = {"name": "shop", "owner": owner.pk, "active": "on", "groups": [group("requesters")]}
    assert signed_in(admin).post("/admin/orchestra/serviceaccount/add/", given).status_code == 302
    account = User.objects.get(service__name="shop")
    assert not account.has_usable_password()
    assert [each.name for each in account.groups.all()] == ["requesters"]


def test_a_token_is_shown_once_and_works_until_it_is_revoked(admin: User) -> None:
    service = factories.service()
    User.objects.create(username=service.name, service=service)
    client = signed_in(admin)
    path = f"/admin/orchestra/serviceaccount/{service.pk}/token/"
    answer = client.post(path, {"name": "till", "wanted": ["tasks:submit"], "hours": "24"})
    row = ApiToken.objects.get()
    shown = next(
        word
        for word in text(answer).replace("<", " ").replace(">", " ").split()
        if word.startswith(row.prefix)
    )
    assert "no-store" in answer.headers["Cache-Control"]
    assert tokens.find(shown) == row
    page = text(client.get(f"/admin/orchestra/apitoken/{row.pk}/change/"))
    assert shown not in page
    assert bytes(row.digest).hex() not in page
    client.post(f"/admin/orchestra/apitoken/{row.pk}/revoke/")
    assert tokens.find(shown) is None
    assert [event.target for event in governance.told(row)] == ["revoked", "added"]


def test_a_token_of_a_system_never_decides(admin: User) -> None:
    service = factories.service()
    path = f"/admin/orchestra/serviceaccount/{service.pk}/token/"
    answer = signed_in(admin).post(path, {"name": "x", "wanted": ["proposals:decide"], "hours": "1"})
    assert "not one of the available choices" in text(answer)
    assert not ApiToken.objects.exists()


def test_making_and_revoking_tokens_take_permissions(auditor: User) -> None:
    service = factories.service()
    client = signed_in(auditor)
    assert client.post(f"/admin/orchestra/serviceaccount/{service.pk}/token/", {}).status_code == 403
    made = tokens.mint(holder=service, name="t", wanted=["tasks:read"], life=timedelta(hours=1), by="test")
    assert client.post(f"/admin/orchestra/apitoken/{made.token.pk}/revoke/").status_code == 403


@pytest.mark.parametrize("kind", ["agent", "service"])
def test_who_owns_something_does_not_hand_it_over_themselves(admin: User, kind: str) -> None:
    row: Agent | ServiceAccount
    assert admin.person
    if kind == "agent":
        row = factories.agentversion(agent=Agent.objects.create(name="clerk", owner=admin.person)).agent
    else:
        row = factories.service(owner=admin.person)
    answer = send(signed_in(admin), change(row), owner=factories.person("otto").pk)
    assert "so someone else must hand it over" in text(answer)
    assert type(row).objects.get(pk=row.pk).owner == admin.person


def test_record_of_a_row_is_on_its_page_of_history(admin: User) -> None:
    rob = factories.person("rob")
    send(signed_in(admin), change(rob), active=None, why="left the house")
    page = text(signed_in(admin).get(f"/admin/orchestra/person/{rob.pk}/history/"))
    assert "person:ada" in page
    assert "Active: yes to no: left the house" in page
