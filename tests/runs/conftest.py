"""The scene of the tests of runs."""

from __future__ import annotations

import pytest

from tests.databases import Database
from tests.runs import scene as scenes
from tests.runs.scene import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    return scenes.build()
