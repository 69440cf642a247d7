"""A stage with the shop, of one test or of a module."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.local.embedded import Services
from tests.databases import Database, in_use
from tests.engine.stage import forget, nothing_moves, wrongs
from tests.gate.stage import HARMLESS, SECRET, GateStage
from tests.store.shop import TOKEN, Shop
from tests.waiting import until

numbers = itertools.count(1)


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker finds the shop's token."""
    monkeypatch.setenv(SECRET, TOKEN)


@pytest.fixture
def stage(database: Database, shop: Shop, token: None) -> GateStage:
    """A stage of this test alone, without a worker."""
    forget()
    return GateStage(database, shop)


@pytest.fixture
def rules(shared: GateStage) -> Iterator[Callable[..., None]]:
    """Puts rules in force, until the end of the test."""
    yield shared.policy
    shared.policy(HARMLESS)


@pytest.fixture(scope="module")
def shared(services: Services, template: str, running_shop: Shop) -> Iterator[GateStage]:
    """A stage with a worker, for all tests of a module; at its end everything must be in order."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    name = f"gate_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, TOKEN)
        try:
            with in_use(Database(name, services.postgres)) as made:
                forget()
                stage = GateStage(made, running_shop)
                stage.hire()
                try:
                    yield stage
                    until(nothing_moves, what="all runs of the module at rest")
                finally:
                    stage.dismiss()
                assert wrongs() == {}
                assert list(record.check({}, Count())) == [], "the record of this module's runs is broken"
        finally:
            services.postgres.drop_database(name)
