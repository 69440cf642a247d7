"""The stage of each test about crashes at the gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Spawn
from tests.databases import Database
from tests.engine.stage import forget
from tests.gate_crash import wire as wires
from tests.gate_crash.stage import CrashStage
from tests.gate_crash.wire import Wire
from tests.store.shop import Shop


@pytest.fixture
def wire(shop: Shop) -> Iterator[Wire]:
    """The road from workers to the shop."""
    with wires.to(shop.url) as made:
        yield made


@pytest.fixture
def stage(database: Database, shop: Shop, wire: Wire, spawn: Spawn) -> CrashStage:
    """A stage of this test alone, without workers."""
    forget()
    return CrashStage(database, shop, wire, spawn)
