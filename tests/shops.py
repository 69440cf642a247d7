"""One running shop for the session, on the generated data; each test takes worlds of its own."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from orchestra.local import ports
from orchestra.local.embedded import Services
from orchestra.local.postgres import OWNER
from orchestra.local.processes import Command, Running
from tests.store.shop import ADMIN, TOKEN, Shop
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "store_of_tests"
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def store_url(services: Services) -> Iterator[str]:
    """The address of a database that only the shop uses."""
    assert services.postgres
    services.postgres.revive()
    services.postgres.create_database(DATABASE)
    yield services.postgres.url(OWNER, DATABASE)
    services.postgres.revive()
    services.postgres.drop_database(DATABASE)


@pytest.fixture(scope="session")
def start_shop(
    store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., tuple[Running, Shop]]]:
    """Start a shop with more variables; it answers when this returns, and is stopped at the end."""
    started: list[Running] = []
    clients: list[httpx.Client] = []

    def start(**variables: str) -> tuple[Running, Shop]:
        port = ports.any_free()
        secrets = {"STORE_DATABASE_URL": store_url, "STORE_TOKEN": TOKEN, "STORE_ADMIN_TOKEN": ADMIN}
        process = Running(
            Command(
                name="store",
                argv=(sys.executable, "-m", "examples.store", "--port", str(port)),
                environment={**os.environ, **secrets, "STORE_DATA": "", **variables},
                folder=ROOT,
                log=tmp_path_factory.mktemp("store") / "store.log",
            )
        )
        started.append(process)
        process.start()
        url = f"http://127.0.0.1:{port}"
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        clients.append(client)
        until(lambda: answers(client, process), within=60, what="an answer of the shop")
        return process, Shop(url, store_url, client)

    yield start
    for client in clients:
        client.close()
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def running_shop(start_shop: Callable[..., tuple[Running, Shop]]) -> Shop:
    """The shop that most tests use."""
    return start_shop()[1]


@pytest.fixture
def shop(running_shop: Shop, services: Services) -> Shop:
    """The shop, with its database at hand again after other tests."""
    assert services.postgres
    services.postgres.revive()
    until(lambda: running_shop.client.get("/healthz").status_code == 200, what="the shop with its database")
    return running_shop


@pytest.fixture
def world() -> str:
    """The id of a world that nobody used."""
    return f"world-{next(numbers)}"


def answers(client: httpx.Client, process: Running) -> bool:
    """Whether it is up."""
    assert process.pid is not None, "the shop ended"
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
