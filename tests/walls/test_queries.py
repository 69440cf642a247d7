"""How often each page asks the database: as often for many rows as for few, as written down, and eight times at most.

`QUERY_COUNTS=renew pytest tests/walls/test_queries.py` writes tests/query_counts.json anew; look at the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Door
from tests.walls import crawl, crowd
from tests.walls.stage import World

KEPT = Path(__file__).resolve().parents[1] / "query_counts.json"
MOST = 8
#: Begin and end of transactions ask for nothing.
FRAMES = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
#: Asked by machines, and by many; what they cost is told in docs/operations.md.
MACHINES = {"/healthz", "/readyz", "/metrics", "/favicon.ico", "/api/v1/openapi.json"}
READ = [door for door in PAGES if door.method == "GET" and door.address not in MACHINES]
#: Who sees all there is on a page, and may do all of it.
READER = next(role for role in ROLES if role.name == "superuser")


def count(client: Client, door: Door, world: World) -> int:
    """How many statements one look at a page takes."""
    with CaptureQueriesContext(connection) as asked:
        response = crawl.go(client, door, world.own, READER.name)
    assert response.status_code in {200, 204, 286, 302}, door.name
    return len([one for one in asked.captured_queries if not one["sql"].startswith(FRAMES)])


@pytest.fixture(scope="module")
def counts(world: World) -> dict[str, tuple[int, int]]:
    """For each page, the statements with few rows and with many."""
    client = world.client(READER)
    few = {door.address: count(client, door, world) for door in READ}
    crowd.fill(world.own)
    return {door.address: (few[door.address], count(client, door, world)) for door in READ}


def test_no_page_asks_more_for_more_rows(counts: dict[str, tuple[int, int]]) -> None:
    assert {page: found for page, found in counts.items() if found[1] > found[0]} == {}


def test_pages_ask_as_often_as_is_written_down(counts: dict[str, tuple[int, int]]) -> None:
    found = {page: many for page, (_, many) in counts.items()}
    if os.environ.get("QUERY_COUNTS") == "renew":
        KEPT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    kept = json.loads(KEPT.read_text())
    different = {
        page: f"{kept.get(page, 'nothing')} written down, {found.get(page, 'nothing')} found"
        for page in sorted({*kept, *found})
        if kept.get(page) != found.get(page)
    }
    assert different == {}, "renew tests/query_counts.json (see the top of this file), if the change is meant"


def test_no_page_asks_too_often(counts: dict[str, tuple[int, int]]) -> None:
    assert {page: many for page, (_, many) in counts.items() if many > MOST} == {}
