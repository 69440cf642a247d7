"""One site for the tests of a module: they share the server, the people and a worker, and make their own rows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestra.local.embedded import Services
from orchestra.people.roles import Holder
from tests.api.shell import Shell
from tests.api.site import ASKS, ECHO, Site, serving
from tests.databases import Database, in_use
from tests.engine.stage import Stage, forget

numbers = itertools.count(1)
#: Enough for any test but those that count.
LIMITS = {"ORCHESTRA_RATE": "100000", "ORCHESTRA_RATE_STRANGERS": "100000"}


@pytest.fixture(scope="module")
def limits() -> dict[str, str]:
    """How much may come at once; a module that counts says it otherwise."""
    return LIMITS


@pytest.fixture(scope="module")
def works() -> bool:
    """Whether somebody works on runs; not where tests make rows that are no real ones."""
    return True


@pytest.fixture(scope="module")
def site(services: Services, template: str, limits: dict[str, str], works: bool) -> Iterator[Site]:
    """The site."""
    assert services.postgres
    assert services.valkey
    services.postgres.revive()
    services.valkey.revive()
    name = f"api_{next(numbers)}"
    services.postgres.create_database(name, template=template)
    try:
        with in_use(Database(name, services.postgres)) as made:
            forget()
            stage = Stage(made)
            if works:
                stage.hire()
            try:
                with serving({**os.environ, **limits}) as address:
                    yield Site(address, stage, ECHO if works else ASKS)
            finally:
                if works:
                    stage.dismiss()
    finally:
        services.postgres.drop_database(name)


@pytest.fixture
def shell(site: Site, tmp_path: Path) -> Callable[[Holder], Shell]:
    """A terminal where somebody has signed in."""

    def enter(holder: Holder) -> Shell:
        made = Shell(site, tmp_path / holder.name)
        assert made.run("login", site.address, typed=site.token(holder) + "\n") == 0, made.warned
        return made

    return enter
