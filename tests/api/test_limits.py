"""How much may come at once: of one holder over all their tokens, and of one address without a living token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestra.api import rates
from orchestra.errors import LimitHit
from orchestra.models import RateWindow
from tests import factories
from tests.api.site import Site
from tests.databases import Database


@pytest.fixture(scope="module")
def limits() -> dict[str, str]:
    return {"ORCHESTRA_RATE": "5", "ORCHESTRA_RATE_STRANGERS": "3"}


def test_holder_who_asks_too_much_is_told_when_to_come_back_and_others_are_not(site: Site) -> None:
    person = site.stage.person(["requesters"])
    tokens = [site.token(person), site.token(person)]
    told = [site.send("GET", "/me", token=tokens[number % 2]) for number in range(6)]
    assert [one.status for one in told] == [200] * 5 + [429]
    assert told[-1].code == "limit-hit"
    assert 1 <= int(told[-1].headers["Retry-After"]) <= 60
    assert site.send("GET", "/me", token=site.token(site.requester)).status == 200


def test_window_that_is_over_begins_anew(site: Site) -> None:
    person = site.stage.person(["requesters"])
    token = site.token(person)
    while site.send("GET", "/me", token=token).status == 200:
        pass
    RateWindow.objects.filter(owner=f"person:{person.name}").update(since=factories.now(-61))
    assert site.send("GET", "/me", token=token).status == 200


def test_guessing_is_stopped_and_living_tokens_still_come_in(site: Site) -> None:
    told = [site.send("GET", "/me", token="orc_aaaaaaaa_" + "A" * 43) for _ in range(5)]
    assert [one.status for one in told] == [401, 401, 401, 429, 429]
    assert site.send("GET", "/me", token=site.token(site.stage.person([]))).status == 200


def test_no_request_is_lost_to_the_count(database: Database) -> None:
    def once(_: int) -> bool:
        try:
            rates.count("person:x", 30, what="Too many")
        except LimitHit:
            return False
        return True

    with ThreadPoolExecutor(max_workers=6) as threads:
        passed = list(threads.map(once, range(50)))
    assert sum(passed) == 30
    assert RateWindow.objects.get(owner="person:x").used == 50
