"""Every door that may change something refuses what did not come from our own pages, and refuses to be read."""

from __future__ import annotations

import pytest
from django.test import Client

from orchestra.views.doors.accounts import ACCOUNTS
from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Door
from tests.walls import crawl
from tests.walls.stage import World

SAFE = {"GET", "HEAD", "OPTIONS"}
UNSAFE = [door for door in (*PAGES, *ACCOUNTS) if door.method not in SAFE]
TOKEN = "t" * 32
#: Made by the crawler itself, for the question.
MADE = {"mfa_authenticator"}
#: How a page of another site sends a form. Each header alone is reason enough.
ELSEWHERE = {
    "no token": {},
    "a foreign origin": {"Origin": "https://evil.example", "X-CSRFToken": TOKEN},
    "a sandboxed page": {"Origin": "null", "X-CSRFToken": TOKEN},
    "another site": {"Sec-Fetch-Site": "cross-site", "X-CSRFToken": TOKEN},
    "a sister site": {"Sec-Fetch-Site": "same-site", "X-CSRFToken": TOKEN},
}


OURS = {"X-CSRFToken": TOKEN, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
REFUSAL = "not sent from one of our own pages"
READER = next(role for role in ROLES if role.name == "superuser")


@pytest.fixture
def client(world: World) -> Client:
    """A browser that asks where forms come from, and has a token of ours."""
    made = world.client(READER, csrf=True)
    made.cookies["csrftoken"] = TOKEN
    return made


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_another_site_sends_is_refused_and_writes_nothing(
    world: World, client: Client, headers: dict[str, str]
) -> None:
    passed = {}
    for door in UNSAFE:
        with crawl.written() as tables:
            response = crawl.go(client, door, world.own, READER.name, **headers)
        if response.status_code != 403 or set(tables) - MADE or REFUSAL not in response.content.decode():
            passed[door.name] = (response.status_code, tables)
    assert passed == {}


def test_the_same_from_our_own_page_gets_through(world: World, client: Client) -> None:
    answers = {
        door.name: crawl.go(client, door, world.own, READER.name, **OURS).content.decode() for door in UNSAFE
    }
    assert [name for name, said in answers.items() if REFUSAL in said] == []


def test_reading_it_changes_nothing(world: World) -> None:
    client, wrote = world.client(READER), {}
    for door in UNSAFE:
        for method in SAFE - {"OPTIONS"}:
            with crawl.written() as tables:
                crawl.go(client, Door(door.address, method, door.need), world.own, READER.name)
            if changed := set(tables) - crawl.MARKS - MADE:
                wrote[f"{method} {door.address}"] = sorted(changed)
    assert wrote == {}
