"""The stage of each test about crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.crash.stage import Stage
from tests.databases import Database


@pytest.fixture
def stage(database: Database, spawn: Spawn, tmp_path: Path) -> Stage:
    """A stage of this test alone, without workers."""
    return Stage(database, spawn, tmp_path)
