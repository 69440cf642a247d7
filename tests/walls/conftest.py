"""The world of the walls: built once in a session, and cloned for each module, where no request changes it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

import pytest

from orchestra.local.embedded import Services
from tests.databases import Database, in_use
from tests.walls import stage
from tests.walls.stage import World

BUILT = "walls_built"
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def built(services: Services, template: str) -> World:
    """Both places and all roles. Their rows are in a database to clone; nobody is connected to it."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    services.postgres.create_database(BUILT, template=template)
    with in_use(Database(BUILT, services.postgres)):
        return stage.build()


@pytest.fixture(scope="module")
def world(services: Services, built: World) -> Iterator[World]:
    """Both places and all roles, in a database that is left as it was: requests are rolled back."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    name = f"walls_{next(numbers)}"
    services.postgres.create_database(name, template=BUILT)
    try:
        with in_use(Database(name, services.postgres)):
            yield copy.deepcopy(built)
    finally:
        services.postgres.revive()
        services.postgres.drop_database(name)
