"""Who comes to the HTTP API: a token for every role of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from orchestra.models import ServiceAccount, User
from orchestra.people import roles, tokens
from orchestra.people.roles import Holder
from orchestra.views.doors.cast import CALLERS
from orchestra.views.doors.rules import Door, Role
from tests import factories
from tests.walls import crawl
from tests.walls.bodies import BODIES
from tests.walls.stage import HOST, Place, World


def headers(world: World) -> dict[str, dict[str, str]]:
    """For each role of the API, the header that it sends."""
    return {role.name: _header(role, world) for role in CALLERS}


def _header(role: Role, world: World) -> dict[str, str]:
    if not role.account:
        return {"Authorization": f"Bearer orc_abcdefgh_{'x' * 43}"}
    life = timedelta(hours=1)
    made = tokens.mint(
        holder=holder(role, world), name="of a test", wanted=role.scopes, life=life, by="a test"
    )
    world.own.tokens[role.name] = made.token
    return {"Authorization": f"Bearer {made.text}"}


def holder(role: Role, world: World) -> Holder:
    """Whose token it is."""
    if role.name == "system":
        return _system()
    account = world.accounts["superuser" if role.name == "narrow token" else role.name]
    assert account.person
    return account.person


def _system() -> ServiceAccount:
    """A system whose account is in every group."""
    found: ServiceAccount = factories.service()
    account = User.objects.create(username=factories.name("system"), service=found)
    account.groups.set(Group.objects.filter(name__in=roles.DEFAULTS))
    return found


def call(
    door: Door, place: Place, role: Role, header: Mapping[str, str], *, client: Client | None = None
) -> Any:
    """Send the request; what it wrote is taken back."""
    body = BODIES[door.address](place) if door.method == "POST" and door.address in BODIES else None
    address = crawl.path(door, place, role.name)
    client = client or Client(headers=HOST, raise_request_exception=False)
    with crawl.undone():
        send = getattr(client, door.method.lower())
        json = "application/json"
        if door.method == "GET":
            return send(address, headers=dict(header))
        return send(address, body if body is not None else "", content_type=json, headers=dict(header))
