"""The pages of one's own account, and those of the administration that do not follow from a kind of row: every role."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings

from orchestra.views.doors.accounts import ACCOUNTS
from orchestra.views.doors.administration import DESK
from orchestra.views.doors.cast import ROLES, STAFF
from orchestra.views.doors.rules import Door, Need, Role, answer
from tests.walls import crawl
from tests.walls.stage import FOREIGN, World

CAST = {"accounts": (ROLES, ACCOUNTS), "administration": (STAFF, DESK)}
COMING = [(part, role) for part, (roles, _) in CAST.items() for role in roles]


Hear = Callable[[str, Role, bool], dict[str, crawl.Heard]]


@pytest.fixture(scope="module")
def heard(world: World) -> Iterator[Hear]:
    """Goes through the doors of a part as a role: once for all tests. Nobody has to prove again that it is them."""

    @functools.cache
    def go(part: str, role: Role, own: bool) -> dict[str, crawl.Heard]:
        return {door.name: hear(world, door, role, own) for door in CAST[part][1]}

    with override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=86_400):
        yield go


def hear(world: World, door: Door, role: Role, own: bool) -> crawl.Heard:
    place = world.own if own else world.foreign
    with crawl.written() as tables:
        response = crawl.go(world.client(role), door, place, role.name)
    tells = door.need == Need.DESK and FOREIGN in response.content.decode()
    return crawl.Heard(crawl.answer(response, door), tells, frozenset(tables) - crawl.MARKS)


@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize(("part", "role"), COMING, ids=[f"{part}-{role.name}" for part, role in COMING])
def test_the_doors_answer_as_the_table_says(heard: Hear, part: str, role: Role, own: bool) -> None:
    found = heard(part, role, own)
    expected = {door.name: answer(door, role, own=own) for door in CAST[part][1]}
    assert crawl.differences(found, expected) == {}


@pytest.mark.parametrize("role", [role for role in STAFF if not role.everywhere], ids=lambda role: role.name)
def test_no_desk_tells_of_a_foreign_deployment(heard: Hear, role: Role) -> None:
    told = [
        name for own in (True, False) for name, one in heard("administration", role, own).items() if one.tells
    ]
    assert told == []


@pytest.mark.parametrize("name", ["operator", "clerk", "keeper"])
def test_who_may_change_nothing_there_changes_nothing(heard: Hear, name: str) -> None:
    role = next(role for role in STAFF if role.name == name)
    wrote = {
        door: sorted(one.wrote)
        for own in (True, False)
        for door, one in heard("administration", role, own).items()
    }
    assert {door: tables for door, tables in wrote.items() if tables} == {}
