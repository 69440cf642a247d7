"""One history of calls, made once by a worker at the gate; each test falsifies a copy of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from orchestra.local.embedded import Services
from tests.databases import Database, in_use
from tests.engine.stage import forget
from tests.gate.lines import DONE, MOVE
from tests.gate.stage import SECRET, GateStage
from tests.store.shop import TOKEN, Shop

numbers = itertools.count(1)
TEMPLATE = "doctor_template"


@pytest.fixture(scope="module")
def history(services: Services, template: str, running_shop: Shop) -> Iterator[str]:
    """A database in which a write was approved and done, one was let pass by a rule, and one waits for a person."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    services.postgres.create_database(TEMPLATE, template=template)
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            in_use(Database(TEMPLATE, services.postgres)) as made,
        ):
            patch.setenv(SECRET, TOKEN)
            forget()
            live_through(GateStage(made, running_shop))
        yield TEMPLATE
    finally:
        services.postgres.drop_database(TEMPLATE)


def live_through(stage: GateStage) -> None:
    """Make the history."""
    with stage.working():
        stage.approve(stage.serve([MOVE, DONE], "doctor-approved"))
        stage.policy({"id": "fine", "tools": ["modify_user_address"], "verdict": "allow", "message": "Fine."})
        line = stage.line("modify_user_address")
        stage.serve([line, DONE], "doctor-allowed", grants=["modify_user_address"], mode="execution")
        stage.serve([MOVE, DONE], "doctor-waiting")


@pytest.fixture
def copy(services: Services, history: str) -> Iterator[Database]:
    """A copy of the history that this test may falsify."""
    assert services.postgres
    services.postgres.revive()
    name = f"doctor_{next(numbers)}"
    services.postgres.create_database(name, template=history)
    try:
        with in_use(Database(name, services.postgres)) as made:
            forget()
            yield made
    finally:
        services.postgres.drop_database(name)
