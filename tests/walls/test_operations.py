"""Every operation of the HTTP API, with the token of every role, on their own deployment and on a foreign one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings

from orchestra.api.application import api
from orchestra.views.doors.cast import CALLERS
from orchestra.views.doors.interface import OPERATIONS, V1
from orchestra.views.doors.rules import Answer, Door, Need, Role, answer
from tests.walls import callers, crawl
from tests.walls.addresses import addresses
from tests.walls.stage import FOREIGN, Place, World

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


Hear = Callable[[Role, bool], dict[str, crawl.Heard]]


@pytest.fixture(scope="module")
def heard(world: World, headers: Headers) -> Hear:
    """Calls all operations as a role, at the own deployment or the foreign one: once for all tests."""

    @functools.cache
    def call(role: Role, own: bool) -> dict[str, crawl.Heard]:
        place = world.own if own else world.foreign
        return {door.name: hear(door, place, role, headers[role.name]) for door in OPERATIONS}

    return call


def hear(door: Door, place: Place, role: Role, header: dict[str, str]) -> crawl.Heard:
    with crawl.written() as tables:
        response = callers.call(door, place, role, header)
    tells = FOREIGN in response.content.decode()
    return crawl.Heard(crawl.answer(response, door), tells, frozenset(tables) - MARKS)


@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize("role", CALLERS, ids=lambda role: role.name)
def test_operations_answer_as_the_table_says(heard: Hear, role: Role, own: bool) -> None:
    found = heard(role, own)
    expected = {door.name: answer(door, role, own=own) for door in OPERATIONS}
    assert crawl.differences(found, expected) == {}


@pytest.mark.parametrize(
    "role", [role for role in CALLERS if not role.everywhere], ids=lambda role: role.name
)
def test_no_operation_tells_of_a_foreign_deployment(heard: Hear, role: Role) -> None:
    repeats = f"POST {V1}/tasks"  # says again what it was asked for
    told = [name for own in (True, False) for name, one in heard(role, own).items() if one.tells]
    assert [name for name in told if name != repeats] == []


def test_cookies_open_nothing(world: World, headers: Headers) -> None:
    client = world.client(ANY)
    for door in OPERATIONS:
        if door.need != Need.NEVER:
            with crawl.written() as tables:
                found = crawl.answer(callers.call(door, world.own, ANY, {}, client=client), door)
            assert (door.name, found) == (door.name, Answer.UNKNOWN)
            assert set(tables) <= MARKS | crawl.MARKS


def test_reading_writes_nothing(heard: Hear) -> None:
    found = heard(ANY, True)
    wrote = {door.name: sorted(found[door.name].wrote) for door in OPERATIONS if door.method == "GET"}
    assert {name: tables for name, tables in wrote.items() if tables} == {}
