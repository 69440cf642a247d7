"""Fixtures that all tests share: databases, services, processes of our own.

Refuses fixtures that only one folder of tests needs: they belong there.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from django.core.management import call_command

from orchestra.local.embedded import Services
from orchestra.local.processes import Command, Running
from tests.databases import TEMPLATE, Database, in_use
from tests.waiting import until

# Browser tests need a package that `make e2e` installs.
collect_ignore = [] if find_spec("playwright") else ["e2e"]
ROOT = Path(__file__).resolve().parent.parent
NOTHING: Mapping[str, str] = {}
numbers = itertools.count(1)


class Spawned(Running):
    """A `manage.py` process of a test. Starts are tied to the thread that made them: spawn in the main one."""

    def text(self) -> str:
        """All that it printed so far."""
        log = self.command.log
        return log.read_text(errors="replace") if log and log.exists() else ""

    def says(self, text: str, *, within: float = 60.0) -> None:
        """Wait until it has printed the text."""
        until(lambda: text in self.text() or self.pid is None, within=within, what=f"{text!r} in the output")
        assert text in self.text(), f"it ended without {text!r}:\n{self.text()[-3000:]}"


Spawn = Callable[..., Spawned]


@pytest.fixture(scope="session")
def template(services: Services) -> str:
    """The name of a migrated database without rows of tests; nobody is connected to it."""
    assert services.postgres
    services.postgres.create_database(TEMPLATE)
    services.postgres.restrict_schema(TEMPLATE)
    with in_use(Database(TEMPLATE, services.postgres)):
        call_command("migrate", database="owner", interactive=False, verbosity=0)
    return TEMPLATE


@pytest.fixture
def database(services: Services, template: str) -> Iterator[Database]:
    """A migrated database of this test alone, committing for real; Valkey is empty."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    with redis.Redis.from_url(services.valkey.url()) as client:
        client.flushall()
    name = f"test_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    try:
        with in_use(Database(name, services.postgres)) as made:
            yield made
    finally:
        services.postgres.revive()  # the test may have stopped it
        services.postgres.drop_database(name)


@pytest.fixture
def environment(database: Database) -> dict[str, str]:
    """Variables for processes of this test: they see its database."""
    return {**os.environ, **database.environment(), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Iterator[Spawn]:
    """Start `manage.py ARGUMENTS` with more variables; killed after the test, its lines shown if that failed."""
    spawned: list[Spawned] = []

    def start(*arguments: str, variables: Mapping[str, str] = NOTHING) -> Spawned:
        process = Spawned(
            Command(
                name=" ".join(arguments),
                argv=(sys.executable, "manage.py", *arguments),
                environment={**environment, **variables},
                folder=ROOT,
                log=tmp_path / f"process-{len(spawned) + 1}.log",
            )
        )
        spawned.append(process)
        process.start()
        return process

    yield start
    for process in spawned:
        process.kill()
        print(f"--- manage.py {process.command.name}\n{process.text()}")  # noqa: T201 - pytest shows it for a failed test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged goes from process to process as UTF-8; some tests log halves of surrogate pairs."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
