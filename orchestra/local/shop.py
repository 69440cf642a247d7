"""The example store beside Orchestra: a database, data, tokens and a port of its own, and the process that serves it.

Refuses other data than it began with: what its worlds have changed belongs to those.
"""

from __future__ import annotations

import http.client
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestra.local import ledger, ports
from orchestra.local.embedded import Services
from orchestra.local.processes import CannotStart, Command, Pause, Running, run

NAME = "store"
ROLE = "example_store"
OWN = "data"
PATIENCE = 60.0  # seconds until it must answer
NEEDED = ("users.json", "orders.json", "products.json")


@dataclass(frozen=True, slots=True)
class Shop:
    """What its process is told in `environment`; `data` is its base data, with recorded conversations."""

    folder: Path
    data: Path
    port: int
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{ports.HOST}:{self.port}"

    @property
    def callers(self) -> Mapping[str, str]:
        """What whoever calls its tools must know."""
        return {"STORE_TOKEN": self.environment["STORE_TOKEN"]}

    @property
    def admins(self) -> Mapping[str, str]:
        """What whoever makes its worlds must know."""
        return {**self.callers, "STORE_ADMIN_TOKEN": self.environment["STORE_ADMIN_TOKEN"]}

    def settle(self) -> None:
        """From now on it keeps its data."""
        kept = OWN if self.data == self.folder / OWN else self.data
        _source(self.folder).write_text(f"{kept}\n", encoding="utf-8")


def prepare(local: Path, services: Services, given: Path | None, *, root: Path, pause: Pause) -> Shop:
    """Make what it needs; `given` is a folder with other data than its own. Raises CannotStart."""
    folder = (local / NAME).resolve()
    folder.mkdir(exist_ok=True)
    data = _data(folder, given, root, pause)
    told = {
        "STORE_DATABASE_URL": _database(services),
        "STORE_TOKEN": secrets.token_urlsafe(24),
        "STORE_ADMIN_TOKEN": secrets.token_urlsafe(24),
        "STORE_DATA": str(data),
        "PYTHONUNBUFFERED": "1",
    }
    return Shop(folder, data, ports.choose(folder / "port"), {**os.environ, **told})


@contextmanager
def serve(shop: Shop, *, root: Path) -> Iterator[Running]:
    """Run its process; stop it at the end."""
    argv = (sys.executable, "-m", "examples.store", "--port", str(shop.port))
    log = shop.folder / "server.log"
    running = Running(
        Command(name=NAME, argv=argv, environment=shop.environment, folder=root, log=log),
    )
    running.start()
    try:
        ledger.record(shop.folder.parent, running.pid or 0)
        yield running
    finally:
        running.stop()


def wait_for(shop: Shop, running: Running, *, pause: Pause) -> None:
    """Return when it answers. Raises CannotStart when it ended, or takes too long."""
    until = time.monotonic() + PATIENCE
    while not _answers(shop.port):
        if running.pid is None or time.monotonic() > until:
            log = shop.folder / "server.log"
            said = log.read_text(errors="replace").strip()
            raise CannotStart(f"the store does not start; {log} says:\n{said[-2000:]}")
        pause(0.05)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _database(services: Services) -> str:
    """A database of our server in which it is alone, or the one that the environment names."""
    if services.postgres is not None:
        return services.postgres.lodge(ROLE)
    if not os.environ.get("STORE_DATABASE_URL"):
        raise CannotStart("DATABASE_URL is set, so the store needs a database too: set STORE_DATABASE_URL.")
    return os.environ["STORE_DATABASE_URL"]


def _data(folder: Path, given: Path | None, root: Path, pause: Pause) -> Path:
    """The data it began with, else the given ones, else its own, which are made now."""
    before, own = _before(folder), folder / OWN
    wanted = given.resolve() if given is not None else before or own
    if before is not None and wanted != before:
        raise CannotStart(f"This demo began with the data in {before}. For others: make demo-reset first.")
    if wanted == own:
        _export(own, root, pause)
    if missing := [name for name in NEEDED if not (wanted / name).is_file()]:
        raise CannotStart(f"{wanted} holds no data of a shop: {', '.join(missing)} missing.")
    return wanted


def _before(folder: Path) -> Path | None:
    """Where it has its data from; its own move with the folder."""
    source = _source(folder)
    return folder / source.read_text(encoding="utf-8").strip() if source.exists() else None


def _export(folder: Path, root: Path, pause: Pause) -> None:
    argv = (sys.executable, "-m", "examples.store.scripts", "--folder", str(folder))
    status, said = run(Command(name="data", argv=argv, folder=root), pause=pause)
    if status:
        raise CannotStart(f"the data of the store cannot be made (exit status {status}):\n{said.strip()}")


def _source(folder: Path) -> Path:
    return folder / "source"
