"""The example store's own recorded conversations, as a data folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.store import conversations, data, scripts
from reviews.replay import dataset
from reviews.replay.dataset import Dataset
from reviews.replay.documents import Library
from tests.agents.talks import ROOT

LIBRARY = Library(ROOT / "examples" / "store")


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole data folder with the conversations of the example."""
    folder = tmp_path_factory.mktemp("example") / "data"
    talks = conversations.record(data.load(None), scripts.SCRIPTS)
    conversations.export(folder, conversations.files(talks))
    return folder


@pytest.fixture(scope="session")
def example(example_folder: Path) -> Dataset:
    """The conversations of the example."""
    found = dataset.find(example_folder)
    assert found
    return found


@pytest.fixture
def library() -> Library:
    """The example store's files."""
    return LIBRARY


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a replay that PostgreSQL's user may enter; pytest's own are closed to others."""
    made = Path(tempfile.mkdtemp(prefix="orchestra-replay-"))
    made.chmod(0o711)
    yield made / "stage"
    shutil.rmtree(made)
