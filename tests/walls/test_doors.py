"""Every address, every method, every role, on their own deployment and on a foreign one: the answer is the table's."""

from __future__ import annotations

import pytest

from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.interface import OPERATIONS, V1
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Answer, Door, Need, Role, answer
from tests.walls import crawl
from tests.walls.addresses import addresses
from tests.walls.stage import FOREIGN, World

NAMED = {role.name: role for role in ROLES}
#: Pages of the libraries answer methods that they do not know like GET, which changes nothing.
LIBRARIES = ("/accounts/", "/admin/")
DOORS = (*PAGES, *OPERATIONS)
KNOWN = {door.address for door in DOORS}


def ours(address: str) -> bool:
    return not address.startswith(LIBRARIES) or address in KNOWN


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
    client = world.client(NAMED["superuser"])
    answers = {door.name: crawl.go(client, door, world.own, "superuser").status_code for door in untold}
    assert {name: status for name, status in answers.items() if status != 405} == {}, (
        "these change something, or do not say that they only read (require_safe, require_POST)"
    )


@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_doors_answer_as_the_table_says(world: World, role: Role, own: bool) -> None:
    client, place = world.client(role), world.own if own else world.foreign
    different = {}
    for door in PAGES:
        expected = answer(door, role, own=own)
        found = crawl.answer(crawl.go(client, door, place, role.name))
        if found != expected:
            different[door.name] = f"{found}, but the table says {expected}"
    assert different == {}


@pytest.mark.parametrize("role", [role for role in ROLES if not role.everywhere], ids=lambda role: role.name)
def test_no_page_tells_of_a_foreign_deployment(world: World, role: Role) -> None:
    client = world.client(role)
    told = [
        door.name
        for door in PAGES
        for place in (world.own, world.foreign)
        if FOREIGN
        not in crawl.path(door, place, role.name)  # what is asked for by name is named in the refusal
        and FOREIGN in crawl.go(client, door, place, role.name).content.decode()
    ]
    assert told == []


def test_reading_writes_nothing(world: World) -> None:
    client = world.client(NAMED["superuser"])
    wrote = {}
    for door in PAGES:
        if door.method == "GET":
            with crawl.written() as tables:
                crawl.go(client, door, world.own, "superuser")
            if changed := set(tables) - crawl.MARKS:
                wrote[door.name] = sorted(changed)
    assert wrote == {}


def test_the_table_itself_hides_what_is_foreign() -> None:
    guest, reviewer = NAMED["guest"], NAMED["reviewer"]
    door = Door("/x/", "POST", Need.RIGHT, "review")
    assert [answer(door, guest, own=own) for own in (True, False)] == [Answer.HIDDEN, Answer.HIDDEN]
    assert [answer(door, reviewer, own=own) for own in (True, False)] == [Answer.LET_IN, Answer.HIDDEN]
