"""A pytest plugin (`-p tests.services`): one PostgreSQL and one Valkey for the session, before settings load.

Refuses to use a server that the environment names: tests create databases, stop servers and empty them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django
import pytest

from orchestra.local import embedded
from orchestra.local.embedded import Services
from orchestra.local.postgres import Postgres
from orchestra.local.valkey import Valkey


def _hear_signals() -> None:
    """A build server may run us with signals ignored; our children would inherit that, and tests send signals."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


_hear_signals()


PREFIX = "orchestra-tests-"
OLD = 3600.0  # seconds
# Nothing here outlives the machine. Commits stay synchronous: tests kill the server and look what is left.
POSTGRES = {"fsync": "off", "full_page_writes": "off"}

started = pytest.StashKey[Services]()
ending = pytest.StashKey[ExitStack]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the servers, tell their addresses, set Django up."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "orchestra.settings"
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        if not hands_out_tests(early_config):
            remove_leftovers()
            local = stack.enter_context(scratch())
            services = stack.enter_context(embedded.start(local, given={}, settings=POSTGRES))
            early_config.stash[started] = services
            os.environ.update(services.environment)
            os.environ["ORCHESTRA_LOCAL"] = str(local)
        django.setup()
        early_config.stash[ending] = stack.pop_all()  # only now: settings that fail to load stop the servers


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove their data."""
    if stack := config.stash.get(ending, None):
        stack.close()


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Services:
    """The servers of this session. Prefer `postgres` and `valkey`, which bring them back after the test."""
    return pytestconfig.stash[started]


@pytest.fixture
def postgres(services: Services) -> Iterator[Postgres]:
    """The PostgreSQL server, to be stopped, killed and started by a test; it answers again afterwards."""
    assert services.postgres
    yield services.postgres
    services.postgres.revive()


@pytest.fixture
def valkey(services: Services) -> Iterator[Valkey]:
    """The Valkey server, to be stopped, killed and started by a test; it answers again afterwards."""
    assert services.valkey
    yield services.valkey
    services.valkey.revive()


def hands_out_tests(config: pytest.Config) -> bool:
    """Whether this is the process of pytest-xdist that runs no test itself: it needs no servers."""
    known = config.known_args_namespace
    distributes = getattr(known, "numprocesses", None) or getattr(known, "tx", None)
    return bool(distributes) and "PYTEST_XDIST_WORKER" not in os.environ


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder that goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def remove_leftovers() -> None:
    """Remove folders of sessions that were killed: old enough, and with nobody holding them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            found = folder.stat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > OLD:
                with embedded.hold(folder):
                    shutil.rmtree(folder)
        except (embedded.AlreadyRunning, FileNotFoundError):
            continue
