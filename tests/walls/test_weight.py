"""What a page costs to fetch: the queue with a full page of rows, and everything that pages link to."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from django.contrib.staticfiles import finders

from orchestra.views.doors.cast import ROLES
from reviews import queue
from tests.decisions.conftest import propose
from tests.walls.stage import World

REVIEWER = next(role for role in ROLES if role.name == "reviewer")
LINKED = re.compile(r"<(?:link rel=\"stylesheet\" href|script src)=\"/static/([^\"]+)\"")
HEAVIEST_QUEUE = 60_000
HEAVIEST_FILES = 40_000


def test_full_queue_is_light(world: World) -> None:
    assert world.own.task.requester
    for number in range(queue.ON_PAGE):
        sentence = f"Refund {number}.00 EUR to the customer of order #W{number:07}, by the way they paid"
        propose(world.own.deployment, world.own.task.requester, sentence=sentence)
    page = world.client(REVIEWER).get("/reviews/").content
    assert page.count(b"Refund ") >= queue.ON_PAGE
    assert len(page) < HEAVIEST_QUEUE


def test_styles_and_scripts_are_light(world: World) -> None:
    page = world.client(REVIEWER).get("/reviews/").content.decode()
    files = {name: finders.find(name) for name in LINKED.findall(page)}
    assert len(files) >= 9
    sizes = {name: len(gzip.compress(Path(str(path)).read_bytes())) for name, path in files.items()}
    assert sum(sizes.values()) < HEAVIEST_FILES, sizes
