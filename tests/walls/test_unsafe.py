"""Every door that may change something refuses what did not come from our own pages, and refuses to be read."""

from __future__ import annotations

import pytest

from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Door
from tests.walls import crawl
from tests.walls.stage import World, browser

SAFE = {"GET", "HEAD", "OPTIONS"}
UNSAFE = [door for door in PAGES if door.method not in SAFE]
TOKEN = "t" * 32
#: How a page of another site sends a form. Each header alone is reason enough.
ELSEWHERE = {
    "no token": {},
    "a foreign origin": {"Origin": "https://evil.example", "X-CSRFToken": TOKEN},
    "a sandboxed page": {"Origin": "null", "X-CSRFToken": TOKEN},
    "another site": {"Sec-Fetch-Site": "cross-site", "X-CSRFToken": TOKEN},
    "a sister site": {"Sec-Fetch-Site": "same-site", "X-CSRFToken": TOKEN},
}


@pytest.mark.parametrize("door", UNSAFE, ids=lambda door: door.name)
@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_another_site_sends_is_refused_and_writes_nothing(
    world: World, door: Door, headers: dict[str, str]
) -> None:
    client = browser(world.accounts["superuser"], csrf=True)
    client.cookies["csrftoken"] = TOKEN
    with crawl.written() as tables:
        response = crawl.go(client, door, world.own, "superuser", **headers)
    assert (response.status_code, tables) == (403, [])
    assert "not sent from one of our own pages" in response.content.decode()


@pytest.mark.parametrize("door", UNSAFE, ids=lambda door: door.name)
def test_the_same_from_our_own_page_gets_through(world: World, door: Door) -> None:
    client = browser(world.accounts["superuser"], csrf=True)
    client.cookies["csrftoken"] = TOKEN
    ours = {"X-CSRFToken": TOKEN, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    response = crawl.go(client, door, world.own, "superuser", **ours)
    assert "not sent from one of our own pages" not in response.content.decode()


@pytest.mark.parametrize("door", UNSAFE, ids=lambda door: door.name)
def test_reading_it_changes_nothing(world: World, door: Door) -> None:
    client = world.client(next(role for role in ROLES if role.name == "superuser"))
    for method in SAFE - {"OPTIONS"}:
        with crawl.written() as tables:
            crawl.go(client, Door(door.address, method, door.need), world.own, "superuser")
        assert set(tables) <= crawl.MARKS
