"""What holds for every page of ours, whoever adds it: content policy, accessibility, width, hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page

from orchestra.engine import publish
from orchestra.models import Deployment, Person
from tests import hostile
from tests.databases import Database
from tests.e2e import worlds
from tests.e2e.conftest import Visit
from tests.walls import crowd, poison, stage
from tests.walls.stage import World

pytestmark = pytest.mark.e2e
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
#: Keeps what the content policy refused, and every dialog, for the test to read.
WATCH = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(event.violatedDirective + " " + event.blockedURI));
"""


@pytest.fixture
def world(database: Database) -> World:
    """Both places, with many rows in the own one."""
    made = stage.build()
    crowd.fill(made.own)
    return made


@pytest.fixture
def signed(visit: Visit, world: World) -> Visit:
    """The browser, in which somebody has signed in who sees all pages."""
    worlds.sign_in(visit.page.context, world.accounts["superuser"], visit.address)
    visit.page.add_init_script(WATCH)
    return visit


def refused(page: Page) -> list[str]:
    """What the content policy refused on this page."""
    found: list[str] = page.evaluate("window.refused")
    return found


def unmet(page: Page) -> list[str]:
    """The rules of accessibility that the page does not meet, with the elements."""
    found: Any = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in found]


def test_pages_keep_to_the_content_policy_and_to_the_rules_of_accessibility(
    signed: Visit, world: World
) -> None:
    wrong: dict[str, list[str]] = {}
    for door, path in worlds.pages(world.own):
        signed.go(path)
        if found := [*refused(signed.page), *unmet(signed.page)]:
            wrong[door.name] = found
    assert wrong == {}


@pytest.fixture
def narrow(browser: Browser, address: str, world: World) -> Iterator[Visit]:
    """A small telephone."""
    context = browser.new_context(viewport={"width": 320, "height": 640})
    worlds.sign_in(context, world.accounts["superuser"], address)
    yield Visit(context.new_page(), address)
    context.close()


def test_no_page_scrolls_sideways_at_320_pixels(narrow: Visit, world: World) -> None:
    wide = {}
    for door, path in worlds.pages(world.own):
        narrow.go(path)
        width = narrow.page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[door.name] = width
    assert wide == {}


def test_administration_keeps_to_the_content_policy(browser: Browser, address: str, world: World) -> None:
    context = browser.new_context()
    worlds.sign_in(context, world.accounts["superuser"], address)
    visit = Visit(context.new_page(), address)
    visit.page.on("console", visit.note)
    visit.page.add_init_script(WATCH)
    visit.go("/admin/")
    links = visit.page.locator("main a[href^='/admin/'], #content a[href^='/admin/']")
    paths = sorted({str(link.get_attribute("href")) for link in links.all()})
    broken = {}
    for path in paths:
        visit.go(path)
        if found := refused(visit.page):
            broken[path] = found
    context.close()
    assert len(paths) > 5
    assert (broken, visit.complaints) == ({}, [])


@pytest.fixture
def poisoned(world: World) -> list[stage.Place]:
    """A place for each hostile text."""
    publish.text(poison.FREE, by=Person.objects.get(name="ada"), environment="dev")
    deployment = Deployment.objects.select_related("workflow", "environment").get(workflow__name="free")
    reader = world.accounts["superuser"].person
    assert reader
    texts = [*hostile.SCRIPTS.values(), *hostile.GADGETS.values(), *hostile.IMITATIONS.values()]
    return [poison.put(deployment, text, reader=reader) for text in texts]


def ours(asked: str) -> bool:
    """What pages ask for by themselves: reading, and a note that somebody has seen how their task ended."""
    read = asked.startswith("POST /tasks/") and asked.endswith("/read/")
    return read or (asked.startswith("GET /") and "logout" not in asked)


def test_hostile_text_runs_nothing_and_asks_for_nothing(
    browser: Browser, address: str, world: World, poisoned: list[stage.Place]
) -> None:
    context = browser.new_context()
    worlds.sign_in(context, world.accounts["superuser"], address)
    visit = Visit(context.new_page(), address)
    visit.page.on("console", visit.note)
    visit.page.add_init_script(WATCH)
    dialogs: list[str] = []
    asked: list[str] = []

    def shut(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    visit.page.on("dialog", shut)
    visit.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    paths = {path for place in poisoned for _, path in worlds.pages(place)}
    broken = {}
    for path in sorted(paths):
        visit.go(path)
        if found := refused(visit.page):
            broken[path] = found
    context.close()
    strange = [each for each in asked if not ours(each.replace(f" {address}/", " /"))]
    assert (dialogs, strange, broken, visit.complaints) == ([], [], {}, [])


def test_these_walls_see_what_is_planted(signed: Visit) -> None:
    signed.go("/")
    signed.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p><img src=\"/static/icon.svg\">')"
    )
    assert [each for each in refused(signed.page) if each.startswith("style-src")]
    assert [each for each in unmet(signed.page) if each.startswith("image-alt")]
    signed.complaints.clear()
