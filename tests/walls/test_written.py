"""The crawlers notice every way in which a request writes: else what they say of reading proves nothing."""

from __future__ import annotations

import pytest
from django.db import connection

from orchestra.audit import governance
from orchestra.models import Environment, User
from orchestra.views.doors.cast import ROLES
from tests.walls import crawl
from tests.walls.stage import World

SUPERUSER = next(role for role in ROLES if role.name == "superuser")
STATEMENTS = {
    "at the head": 'UPDATE "orchestra_draft" SET name = name WHERE false',
    "in the middle": "WITH x AS (DELETE FROM orchestra_draft WHERE false RETURNING id) SELECT * FROM x",
    "from a choice": "WITH x AS (SELECT 1) UPDATE orchestra_draft SET name = name WHERE false",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_writing_is_noticed_wherever_it_stands(world: World, statement: str) -> None:
    with crawl.undone(), crawl.written() as tables, connection.cursor() as cursor:
        cursor.execute(statement)
    assert tables == ["orchestra_draft"]


def test_an_event_in_the_record_is_noticed(world: World) -> None:
    row, by = Environment.objects.get(name="dev"), world.accounts["superuser"]
    with crawl.undone(), crawl.written() as tables:
        governance.record(row, "changed", by=by, reason="a test")
    assert "orchestra_audit_append" in tables


def test_locking_rows_is_no_writing(world: World) -> None:
    with crawl.undone(), crawl.written() as tables:
        list(User.objects.select_for_update())
        list(User.objects.select_for_update(no_key=True))
    assert tables == []


def test_a_browser_stays_signed_in_whatever_a_request_did_to_its_cookies(world: World) -> None:
    client = world.client(SUPERUSER)
    with crawl.undone(), crawl.same_cookies(client):
        client.post("/accounts/logout/")
        assert client.get("/runs/").status_code == 302
    assert client.get("/runs/").status_code == 200
