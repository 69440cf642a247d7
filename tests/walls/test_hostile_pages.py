"""Hostile text in every field that others fill: pages stay what they are, and nothing in the text stays unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from orchestra.engine import publish
from orchestra.models import Deployment, Person
from orchestra.views.doors.cast import ROLES
from orchestra.views.doors.pages import PAGES
from orchestra.views.doors.rules import Door
from tests import hostile
from tests.walls import crawl, poison
from tests.walls.addresses import parameters
from tests.walls.markup import Markup
from tests.walls.stage import Place, World

MACHINES = {"/healthz", "/readyz", "/metrics", "/favicon.ico"}
READ = [door for door in PAGES if door.method == "GET" and door.address not in MACHINES]
READER = next(role for role in ROLES if role.name == "superuser")
PLAIN = "nothing special"
#: Elements that may come in for a text that needs them: names for what cannot be seen, parts that fold away.
MARKS = {
    "span",
    "mark",
    "bdi",
    "abbr",
    "b",
    "wbr",
    "details",
    "summary",
    "code",
    "ins",
    "del",
    "p",
    "a",
    "ul",
    "li",
    "strong",
    "pre",
}
#: What no page of ours has, and only a text could bring in.
FOREIGN_ELEMENTS = {
    "iframe",
    "object",
    "embed",
    "base",
    "math",
    "animate",
    "slot",
    "noscript",
    "img",
}
#: Django keeps a number and its unit together by this space.
NARROW = {"\xa0"}


@dataclass
class Ward:
    """The plain place, and one for each text."""

    world: World
    plain: Place
    places: dict[str, Place]

    def page(self, door: Door, place: Place) -> str:
        """What the reader gets."""
        response = crawl.go(self.world.client(READER), door, place, READER.name)
        assert response.status_code in {200, 204, 286, 302}, (door.name, response.status_code)
        return response.content.decode()


@pytest.fixture(scope="module")
def ward(world: World) -> Ward:
    reader = world.accounts[READER.name].person
    assert reader is not None
    publish.text(poison.FREE, by=Person.objects.get(name="ada"), environment="dev")
    deployment = Deployment.objects.select_related("workflow", "environment").get(workflow__name="free")
    plain = poison.put(deployment, PLAIN, reader=reader)
    return Ward(
        world,
        plain,
        {
            name: poison.put(deployment, text, reader=reader)
            for name, text in hostile.packed(hostile.TEXTS).items()
        },
    )


def wrongs(page: str, plain: str) -> Iterator[str]:
    """What is wrong with a page that shows a hostile text, compared with the same page of a plain one."""
    found, usual = Markup(page), Markup(plain)
    yield from (f"a new <{tag} {name}>" for tag, name in found.shape - usual.shape if strange(tag, name))
    yield from (
        f"leads to {address[:60]!r}" for address in found.addresses - usual.addresses if lures(address)
    )
    yield from (f"commands {each}" for each in found.commands - usual.commands if lures(each[1]))
    for char in sorted(hostile.unseen(page) - hostile.unseen(plain)):
        place = page.index(char)
        yield f"hides U+{ord(char):04X} in {page[max(0, place - 60) : place + 10]!a}"


def strange(tag: str, name: str) -> bool:
    """Whether a text may not bring this element or attribute in."""
    return tag not in MARKS or name.startswith(("on", "hx-", "data-hx", "style"))


def lures(address: str) -> bool:
    """Whether an address, or what htmx is told, is the text's and not ours."""
    bad = ("javascript:", "data:", "vbscript:", "js:", "//")
    return hostile.LURE in address or "alert(" in address or address.strip().lower().startswith(bad)


@pytest.mark.parametrize(
    "door", [door for door in READ if parameters(door.address)], ids=lambda door: door.name
)
def test_page_of_a_thing_stays_what_it_is(ward: Ward, door: Door) -> None:
    plain = ward.page(door, ward.plain)
    found = {name: list(wrongs(ward.page(door, place), plain)) for name, place in ward.places.items()}
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize(
    "door", [door for door in READ if not parameters(door.address)], ids=lambda door: door.name
)
def test_list_stays_what_it_is(ward: Ward, door: Door) -> None:
    page = ward.page(door, ward.plain)
    markup = Markup(page)
    assert hostile.unseen(page) - NARROW == set()
    assert [one for one in markup.addresses if lures(one)] == []
    assert [one for one in markup.commands if lures(one[1])] == []
    assert {tag for tag, _ in markup.shape} & FOREIGN_ELEMENTS == set()
