"""Goes through a door as somebody, and says which answer came back. Nothing of it stays in the database."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from orchestra.views.doors.rules import Answer, Door
from tests.walls import bodies, desk
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
    parts = {**PARTS, **bodies.PARTS, **desk.PARTS}
    assert door.address in parts, (
        f"say in tests/walls, PARTS of forms, bodies or desk, what {door.address} leads to"
    )
    return filled(door.address, parts[door.address](place, role))


def form(door: Door, place: Place) -> Mapping[str, Any]:
    """What is sent along."""
    return FORMS[door.address](place) if door.address in FORMS else {}


def go(client: Client, door: Door, place: Place, role: str, **headers: str) -> HttpResponse:
    """Send the request; what it wrote is taken back, and what it did to the browser's cookies."""
    with undone(), same_cookies(client):
        send = getattr(client, door.method.lower())
        answer: HttpResponse = send(path(door, place, role), form(door, place), headers=headers)
    return answer


def look(client: Client, path: str) -> Any:
    """Look at a page by its path and query; what it wrote is taken back."""
    with undone(), same_cookies(client):
        answer: Any = client.get(path)
    return answer


def send(client: Client, path: str, fields: Mapping[str, Any]) -> Any:
    """Send a form; what it wrote is taken back."""
    with undone(), same_cookies(client):
        answer: Any = client.post(path, fields)
    return answer


@contextmanager
def same_cookies(client: Client) -> Iterator[None]:
    """The browser has the cookies of before again: the session of before is again the one of the database."""
    before = copy.copy(client.cookies)
    try:
        yield
    finally:
        client.cookies = before


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answer(response: HttpResponse, door: Door) -> Answer:
    """Which of the few answers this is. Fails for what no door may answer."""
    status = response.status_code
    assert status != 405, f"no such method here: {door.name}"
    assert status < 500, f"the server broke: {status} at {door.name}"
    if status in {301, 302} and urlsplit(response.headers["Location"]).path in SIGN_INS:
        return Answer.SIGN_IN
    closed = {401: Answer.UNKNOWN, 403: Answer.REFUSED, 404: Answer.HIDDEN}
    return closed.get(status, Answer.LET_IN)


class Heard(NamedTuple):
    """What came back at one door: whether it tells of what is foreign, and which tables were written to."""

    answer: Answer
    tells: bool
    wrote: frozenset[str]


def differences(found: Mapping[str, Heard], expected: Mapping[str, Answer]) -> dict[str, str]:
    """The doors that do not answer as the table says."""
    return {
        name: f"{found[name].answer}, but the table says {said}"
        for name, said in expected.items()
        if found[name].answer != said
    }


#: Also after WITH, and by the function that links the record. Locking rows for an update writes nothing.
WRITES: Final = re.compile(
    r"(?:\bINSERT\s+INTO|(?<!FOR )(?<!NO KEY )(?<!DO )\bUPDATE|\bDELETE\s+FROM|\bMERGE\s+INTO)\s+(?:ONLY\s+)?\"?(\w+)"
    r"|\b(orchestra_audit_append)\s*\(",
    re.IGNORECASE,
)


@contextmanager
def written() -> Iterator[list[str]]:
    """The tables that are written to inside."""
    tables: list[str] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        tables.extend(found[1] or found[2] for found in WRITES.finditer(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield tables
