"""Goes through a door as somebody, and says which answer came back. Nothing of it stays in the database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from orchestra.views.doors.rules import Answer, Door
from tests.walls import bodies
from tests.walls.addresses import filled, parameters
from tests.walls.forms import FORMS, PARTS
from tests.walls.stage import Place

#: What a look leaves behind: the session's own life, and that somebody is looking.
MARKS: Final = frozenset({"django_session", "reviews_presence"})
SIGN_INS: Final = ("/accounts/login/", "/admin/login/")


def path(door: Door, place: Place, role: str) -> str:
    """Where a request goes. Fails for an address with gaps that nobody has said how to fill."""
    if not parameters(door.address):
        return filled(door.address, {})
    parts = {**PARTS, **bodies.PARTS}
    assert door.address in parts, (
        f"say in tests/walls, PARTS of forms or bodies, what {door.address} leads to"
    )
    return filled(door.address, parts[door.address](place, role))


def form(door: Door, place: Place) -> Mapping[str, Any]:
    """What is sent along."""
    return FORMS[door.address](place) if door.address in FORMS else {}


def go(client: Client, door: Door, place: Place, role: str, **headers: str) -> HttpResponse:
    """Send the request; what it wrote is taken back."""
    with undone():
        send = getattr(client, door.method.lower())
        answer: HttpResponse = send(path(door, place, role), form(door, place), headers=headers)
    return answer


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answer(response: HttpResponse) -> Answer:
    """Which of the few answers this is. Fails for what no door may answer."""
    status = response.status_code
    assert status != 405, "no such method here"
    assert status < 500, f"the server broke: {status}"
    if status in {301, 302} and urlsplit(response.headers["Location"]).path in SIGN_INS:
        return Answer.SIGN_IN
    closed = {401: Answer.UNKNOWN, 403: Answer.REFUSED, 404: Answer.HIDDEN}
    return closed.get(status, Answer.LET_IN)


WRITES: Final = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)


@contextmanager
def written() -> Iterator[list[str]]:
    """The tables that are written to inside."""
    tables: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := WRITES.match(sql):
            tables.append(found[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield tables
