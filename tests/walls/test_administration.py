"""The administration: who may do what to each kind of row there, and that nobody comes in who is not staff."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import RequestFactory

from orchestra.models import User
from orchestra.views.doors import administration
from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.rules import Answer, Door, Need, Role
from tests import factories
from tests.walls import crawl
from tests.walls.addresses import addresses, filled, parameters
from tests.walls.stage import World

VERBS = ("view", "add", "change", "delete")
OUTSIDE = [role for role in ROLES if not role.staff and role.name != "nobody"]
READER = next(role for role in ROLES if role.name == "superuser")
#: Whoever is not signed in comes to these.
OPEN = {"/admin/login/", "/admin/logout/", "/admin/jsi18n/"}
INSIDE = [address for address in addresses() if address.startswith("/admin/") and address not in OPEN]


def staff(group: str) -> User:
    """An account of somebody that may enter, in one group; `superuser` is a superuser in none."""
    account = User.objects.create(
        username=factories.name("staff"),
        person=factories.person(),
        is_staff=True,
        is_superuser=group == "superuser",
    )
    account.groups.set(Group.objects.filter(name=group))
    return account


def allowed(account: User) -> dict[str, str]:
    """For each kind of row what the account may do to rows of it, somewhere."""
    request = RequestFactory().get("/admin/")
    request.user = account
    told = {}
    for model, page in admin.site._registry.items():
        verbs = [verb for verb in VERBS if getattr(page, f"has_{verb}_permission")(request)]
        told[model._meta.label_lower] = " ".join(verbs)
    return told


def test_everybody_may_do_what_the_table_says(world: World) -> None:
    found = {who: allowed(staff(who)) for who in administration.WHO}
    rows = {
        kind: tuple(found[who][kind] for who in administration.WHO) for kind in sorted(found["superuser"])
    }
    different = {kind: verbs for kind, verbs in rows.items() if administration.MODELS.get(kind) != verbs}
    assert different == {}, "say in orchestra/views/doors/administration.py who may do what to them"
    assert set(administration.MODELS) - set(rows) == set()


def test_nobody_changes_what_happened(world: World) -> None:
    for kind in administration.HAPPENED:
        assert set(administration.MODELS[f"orchestra.{kind}"]) <= {"", "view"}, kind


@pytest.mark.parametrize("role", OUTSIDE, ids=lambda role: role.name)
def test_who_is_not_staff_stays_outside(world: World, role: Role) -> None:
    client = world.client(role)
    inside = []
    for address in INSIDE:
        path = filled(address, dict.fromkeys(parameters(address), "1"))
        for method in ("get", "post"):
            with crawl.undone(), crawl.written() as tables:
                response = getattr(client, method)(path)
            door = Door(address, method.upper(), Need.STAFF)
            if crawl.answer(response, door) == Answer.LET_IN or set(tables) - crawl.MARKS:
                inside.append(f"{method} {path}")
    assert inside == []


def test_forms_of_other_sites_are_refused(world: World) -> None:
    client = world.client(READER, csrf=True)
    passed = []
    for address in INSIDE:
        path = filled(address, dict.fromkeys(parameters(address), "1"))
        with crawl.undone(), crawl.written() as tables:
            response = client.post(path, {"a": "b"})
        if response.status_code != 403 or set(tables) - crawl.MARKS:
            passed.append(f"{path}: {response.status_code}")
    assert passed == []
