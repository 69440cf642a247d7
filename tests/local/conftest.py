"""Folders and data for tests of the local servers. pytest's own temporary folders are closed to others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from orchestra.local import postgres
from orchestra.local.postgres import Postgres
from tests.services import POSTGRES


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder that every user can enter."""
    made = Path(tempfile.mkdtemp(prefix="orchestra-local-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The data of a PostgreSQL server for tests that start and stop it: one after the other, it stays."""
    made = Path(tempfile.mkdtemp(prefix="orchestra-local-"))
    made.chmod(0o711)
    postgres.start(made / "postgres", settings=POSTGRES).stop()
    yield made / "postgres"
    shutil.rmtree(made)


@pytest.fixture
def local(folder: Path, data: Path) -> Path:
    """A `.local` of one test around PostgreSQL data that is made already."""
    (folder / "postgres").symlink_to(data)
    return folder


@contextmanager
def running(data: Path) -> Iterator[Postgres]:
    """A server of that folder, stopped at the end."""
    server = postgres.start(data, settings=POSTGRES)
    try:
        yield server
    finally:
        server.stop()


def descendants(marker: str) -> list[str]:
    """Live processes with the marker in their environment: whatever a start left behind, by name."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and marker in process.environ().values():
                found.append(f"{process.pid} {process.name()}")
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found
