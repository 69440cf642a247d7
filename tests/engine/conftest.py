"""Stages of the tests of the engine: one of a test alone, or one that the tests of a module share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.local.embedded import Services
from tests.databases import Database, in_use
from tests.engine import functions
from tests.engine.functions import Seen
from tests.engine.stage import Stage, forget, nothing_moves, wrongs
from tests.waiting import until

numbers = itertools.count(1)


@pytest.fixture
def seen() -> Iterator[Seen]:
    """What the functions of this test saw."""
    functions.seen.forget()
    yield functions.seen
    functions.seen.forget()


@pytest.fixture
def stage(database: Database) -> Stage:
    """A stage of this test alone, without a worker: `with stage.working():` brings one. Not beside `shared`."""
    forget()
    return Stage(database)


@pytest.fixture(scope="module")
def shared(services: Services, template: str) -> Iterator[Stage]:
    """A stage with a worker, for all tests of a module: each publishes workflows of its own."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    name = f"engine_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    try:
        with in_use(Database(name, services.postgres)) as made:
            forget()
            stage = Stage(made)
            stage.hire()
            yield stage
            until(nothing_moves, what="all runs of the module at rest")
            stage.dismiss()
            assert wrongs() == {}
            assert list(record.check({}, Count())) == [], "the record of this module's runs is broken"
    finally:
        services.postgres.drop_database(name)
