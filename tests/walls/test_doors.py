"""Every address, every method, every role, on their own deployment and on a foreign one: the answer is the table's."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import pytest
from django.test import Client

from orchestra.views.doors.accounts import ACCOUNTS
from orchestra.views.doors.administration import DESK
from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.interface import OPERATIONS, V1
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Answer, Door, Need, Role, answer
from tests.walls import crawl
from tests.walls.addresses import addresses
from tests.walls.stage import FOREIGN, Place, World

NAMED = {role.name: role for role in ROLES}
DOORS = (*PAGES, *ACCOUNTS, *DESK, *OPERATIONS)
KNOWN = {door.address for door in DOORS}
#: Pages of the libraries answer methods that they do not know like GET or POST.
LIBRARIES = {door.address for door in (*ACCOUNTS, *DESK)}
#: Made by the crawler itself, for the question.
MADE = {"mfa_authenticator"}
#: What Django makes for each kind of row, and for all of them: test_administration goes through it.
GENERATED = re.compile(
    r"/admin/(?:\w+/\w+/(?:add/|<path:object_id>/(?:history/|delete/|change/)?)?"
    r"|(?:login|logout|autocomplete|jsi18n|password_change|password_change/done)/"
    r"|r/<path:content_type_id>/<path:object_id>/|\(\?P<app_label>[^/]*/)"
)


def ours(address: str) -> bool:
    return not GENERATED.fullmatch(address)


def test_every_address_is_in_the_table() -> None:
    missing = [address for address in addresses() if ours(address) and address not in KNOWN]
    assert missing == [], "say in orchestra/views/doors/pages.py, for each method, what it asks of who comes"


def test_every_door_of_the_table_is_there() -> None:
    assert KNOWN - set(addresses()) == set()


def test_no_door_is_told_of_twice() -> None:
    names = [door.name for door in DOORS]
    assert len(names) == len(set(names))


def test_every_method_that_is_not_in_the_table_is_refused(world: World) -> None:
    told = {(door.address, door.method) for door in DOORS}
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    untold = [
        Door(address, method, Need.NOTHING)
        for address in addresses()
        for method in methods
        if ours(address) and not address.startswith(V1) and (address, method) not in told
    ]
    client, opened = world.client(NAMED["superuser"]), {}
    for door in untold:
        with crawl.written() as tables:
            status = crawl.go(client, door, world.own, "superuser").status_code
        written = set(tables) - crawl.MARKS - MADE
        if written if door.address in LIBRARIES else status != 405:
            opened[door.name] = (status, sorted(written))
    assert opened == {}, (
        "these change something, or do not say that they only read (require_safe, require_POST)"
    )


Hear = Callable[[Role, bool], dict[str, crawl.Heard]]


@pytest.fixture(scope="module")
def heard(world: World) -> Hear:
    """Goes through all doors as a role, at the own deployment or the foreign one: once for all tests."""

    @functools.cache
    def go(role: Role, own: bool) -> dict[str, crawl.Heard]:
        client, place = world.client(role), world.own if own else world.foreign
        return {door.name: hear(client, door, place, role) for door in PAGES}

    return go


def hear(client: Client, door: Door, place: Place, role: Role) -> crawl.Heard:
    with crawl.written() as tables:
        response = crawl.go(client, door, place, role.name)
    # What is asked for by name is named in the refusal.
    tells = FOREIGN not in crawl.path(door, place, role.name) and FOREIGN in response.content.decode()
    return crawl.Heard(crawl.answer(response, door), tells, frozenset(tables) - crawl.MARKS)


@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_doors_answer_as_the_table_says(heard: Hear, role: Role, own: bool) -> None:
    found = heard(role, own)
    expected = {door.name: answer(door, role, own=own) for door in PAGES}
    assert crawl.differences(found, expected) == {}


@pytest.mark.parametrize("role", [role for role in ROLES if not role.everywhere], ids=lambda role: role.name)
def test_no_page_tells_of_a_foreign_deployment(heard: Hear, role: Role) -> None:
    told = [name for own in (True, False) for name, one in heard(role, own).items() if one.tells]
    assert told == []


def test_reading_writes_nothing(heard: Hear) -> None:
    found = heard(NAMED["superuser"], True)
    wrote = {door.name: sorted(found[door.name].wrote) for door in PAGES if door.method == "GET"}
    assert {name: tables for name, tables in wrote.items() if tables} == {}


def test_the_table_itself_hides_what_is_foreign() -> None:
    guest, reviewer = NAMED["guest"], NAMED["reviewer"]
    door = Door("/x/", "POST", Need.RIGHT, "review")
    assert [answer(door, guest, own=own) for own in (True, False)] == [Answer.HIDDEN, Answer.HIDDEN]
    assert [answer(door, reviewer, own=own) for own in (True, False)] == [Answer.LET_IN, Answer.HIDDEN]
