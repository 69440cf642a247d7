"""The world of the walls: one database of the module, that no request of it changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from orchestra.local.embedded import Services
from tests.databases import Database, in_use
from tests.walls import stage
from tests.walls.stage import World

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def world(services: Services, template: str) -> Iterator[World]:
    """Both places and all roles, in a database that is left as it was: requests are rolled back."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    name = f"walls_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    try:
        with in_use(Database(name, services.postgres)):
            yield stage.build()
    finally:
        services.postgres.revive()
        services.postgres.drop_database(name)
