"""What no text can hold comes in with addresses all the same: every filter and place answers 400, and nothing breaks."""

from __future__ import annotations

import pytest

from tests.databases import Database
from tests.hostile import REFUSED
from tests.runs import scene as scenes
from tests.runs.scene import browser

FILTERS = {
    "/runs/": ("q", "state", "workflow", "environment", "failure", "label", "before"),
    "/reviews/": ("tab", "risk", "workflow", "environment", "agent", "tool", "words", "sort", "after"),
    "/tasks/": ("q", "state", "workflow", "before"),
    "/policies/": ("q", "environment", "after"),
    "/policies/try/": ("environment",),
    "/deliveries/": ("webhook", "state", "before"),
    "/halts/": ("scope", "deployment", "run", "before"),
    "/admin/orchestra/deployment/": ("q", "workflow__name"),
}


@pytest.fixture
def scene(database: Database) -> scenes.Scene:
    return scenes.build()


@pytest.mark.parametrize("path", FILTERS)
def test_filter_with_what_no_text_can_hold_is_refused_in_words(scene: scenes.Scene, path: str) -> None:
    client = browser(scene.operator)
    for name in FILTERS[path]:
        for text in ("\0", "\0~x", REFUSED["nul"], f"{REFUSED['nul']}=x"):
            answer = client.get(path, {name: text})
            assert answer.status_code == 400, (name, text)
            assert "could not make sense of what was sent" in answer.content.decode()


def test_what_only_looks_like_it_is_searched_for(scene: scenes.Scene) -> None:
    assert browser(scene.operator).get("/runs/?q=100%2500").status_code == 200
