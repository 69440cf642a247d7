"""One database for all tests of a module: what they try to break is rolled back or refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from orchestra.local.embedded import Services
from tests.databases import Database, in_use

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shared(services: Services, template: str) -> Iterator[Database]:
    """A migrated database that the tests of one module share. They may add rows, and break nothing for good."""
    assert services.postgres
    services.postgres.revive()
    name = f"shared_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    try:
        with in_use(Database(name, services.postgres)) as made:
            yield made
    finally:
        services.postgres.drop_database(name)
