"""Every operation of the HTTP API, with the token of every role, on their own deployment and on a foreign one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from orchestra.api.application import api
from orchestra.views.doors.cast import CALLERS
from orchestra.views.doors.interface import OPERATIONS, V1
from orchestra.views.doors.rules import Answer, Need, Role, answer
from tests.walls import callers, crawl
from tests.walls.addresses import addresses
from tests.walls.stage import FOREIGN, World, browser

Headers = dict[str, dict[str, str]]
ANY = next(role for role in CALLERS if role.name == "superuser")
#: Counting comes before everything, and a token keeps when it was used.
MARKS = {"orchestra_ratewindow", "orchestra_apitoken"}


@pytest.fixture(scope="module")
def headers(world: World) -> Iterator[Headers]:
    with override_settings(RATE=100_000, RATE_STRANGERS=100_000):
        yield callers.headers(world)


def test_every_operation_of_the_description_is_in_the_table() -> None:
    assert addresses()  # the site has put all parts of the API together
    paths = api.get_openapi_schema()["paths"]
    described = {
        (path.replace("{", "<uuidstr:").replace("}", ">"), verb.upper())
        for path in paths
        for verb in paths[path]
    }
    told = {(door.address, door.method) for door in OPERATIONS if door.need != Need.NEVER}
    assert described == told, "say in orchestra/views/doors/interface.py what each asks of a token"


@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize("role", CALLERS, ids=lambda role: role.name)
def test_operations_answer_as_the_table_says(world: World, headers: Headers, role: Role, own: bool) -> None:
    place = world.own if own else world.foreign
    different = {}
    for door in OPERATIONS:
        expected = answer(door, role, own=own)
        found = crawl.answer(callers.call(door, place, role, headers[role.name]))
        if found != expected:
            different[door.name] = f"{found}, but the table says {expected}"
    assert different == {}


@pytest.mark.parametrize(
    "role", [role for role in CALLERS if not role.everywhere], ids=lambda role: role.name
)
def test_no_operation_tells_of_a_foreign_deployment(world: World, headers: Headers, role: Role) -> None:
    answers = {
        door.name: callers.call(door, place, role, headers[role.name]).content.decode()
        for door in OPERATIONS
        for place in (world.own, world.foreign)
        if door.name != f"POST {V1}/tasks"  # says again what it was asked for
    }
    assert [name for name, text in answers.items() if FOREIGN in text] == []


def test_cookies_open_nothing(world: World, headers: Headers) -> None:
    client = browser(world.accounts["superuser"])
    for door in OPERATIONS:
        if door.need != Need.NEVER:
            with crawl.written() as tables:
                found = crawl.answer(callers.call(door, world.own, ANY, {}, client=client))
            assert (door.name, found) == (door.name, Answer.UNKNOWN)
            assert set(tables) <= MARKS | crawl.MARKS


def test_reading_writes_nothing(world: World, headers: Headers) -> None:
    for door in OPERATIONS:
        if door.method == "GET":
            with crawl.written() as tables:
                callers.call(door, world.own, ANY, headers[ANY.name])
            assert set(tables) <= MARKS, door.name
