"""The world of the walls for a browser: who is signed in by a cookie, and where each page of the table is."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.conf import settings
from playwright.sync_api import BrowserContext

from orchestra.models import User
from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Door
from tests.walls import crawl
from tests.walls.stage import Place, browser

SUPERUSER = next(role for role in ROLES if role.name == "superuser")
#: For machines, and parts of pages; a browser shows them as they are, not as pages.
PARTS = {"/healthz", "/readyz", "/metrics", "/favicon.ico", "/api/v1/openapi.json"}
READ = [
    door
    for door in PAGES
    if door.method == "GET" and door.address not in PARTS and not door.address.endswith("/news")
]


def sign_in(context: BrowserContext, account: User, address: str) -> None:
    """The session's cookie, as if this account had signed in."""
    key = browser(account).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": address}])


def pages(place: Place) -> Iterator[tuple[Door, str]]:
    """Every page of ours that reads, with its path in this place."""
    for door in READ:
        query = urlencode(crawl.form(door, place), doseq=True)
        yield door, crawl.path(door, place, SUPERUSER.name) + (f"?{query}" if query else "")
