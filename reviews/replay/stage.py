"""Runs what a replay needs, on free ports in a folder of its own: PostgreSQL, Valkey, the store, workers, the player.
Refuses to leave anything running, however it ends.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orchestra.local import embedded, ledger, ports
from orchestra.local.embedded import Services
from orchestra.local.postgres import OWNER
from orchestra.local.processes import CannotStart, Command, Pause, Running, run
from reviews.replay.store import Store

ROOT: Final = Path(__file__).resolve().parents[2]
DATABASE: Final = "store"
#: Seconds until the store answers.
PATIENCE: Final = 60.0
#: What a replay leaves in its folder besides the data of the services.
WRITTEN: Final = ("audit.jsonl", "report.txt", "player.log", "store.log", "worker*.log")
POSTGRES: Final = {"shared_buffers": "256MB", "max_wal_size": "2GB"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything runs; `environment` tells other processes where."""

    folder: Path
    environment: Mapping[str, str]
    store: str
    apps: tuple[Running, ...]

    def dead(self) -> list[str]:
        """Names of processes that ended though they should not."""
        return [app.command.name for app in self.apps if app.pid is None]


@contextmanager
def set_up(folder: Path, *, data: Path, workers: int, pause: Pause) -> Iterator[Stage]:
    """Start all in an emptied folder; stop all at the end. Raises CannotStart, or what `pause` raises."""
    _empty(folder)
    with embedded.start(folder, given={}, settings=POSTGRES, pause=pause) as services, ExitStack() as stack:
        stack.callback(ledger.forget, folder)
        port = ports.any_free()
        environment = _environment(folder, services, data)
        _finish(_manage("migrate", ("migrate", "--verbosity", "0"), environment), pause)
        address = f"{ports.HOST}:{port}"
        apps = [_begin(stack, folder, _store(port, environment))]
        _wait_for(Store(address, "", ""), apps[0], pause)
        for number in range(1, workers + 1):
            name = f"worker{number}"
            apps.append(_begin(stack, folder, _manage(name, ("work", "--name", name), environment)))
        yield Stage(folder, environment, address, tuple(apps))


def perform(stage: Stage, arguments: Sequence[str], *, pause: Pause, say: Callable[[str], object]) -> int:
    """Run `manage.py ARGUMENTS` on the stage, pass its lines on, and return its exit status."""
    command = _manage("player", arguments, {**stage.environment, "LOG_LEVEL": "WARNING"})
    player = Running(_logged(stage.folder, command))
    player.start()
    ledger.record(stage.folder, player.pid or 0)
    try:
        with _log(stage.folder, "player").open(encoding="utf-8", errors="replace") as lines:
            while player.pid is not None:
                pause(0.1)
                _pass_on(lines.read(), say)
                if dead := stage.dead():
                    raise CannotStart(f"{', '.join(dead)} ended; see the logs in {stage.folder}")
            _pass_on(lines.read(), say)
    finally:
        player.stop()
    return player.process.returncode if player.process else 1


def _pass_on(text: str, say: Callable[[str], object]) -> None:
    if text:
        say(text)


def _empty(folder: Path) -> None:
    """Only what a replay made: a folder with anything else in it is not ours to empty."""
    if folder.exists():
        embedded.reset(folder)
        for pattern in WRITTEN:
            for path in folder.glob(pattern):
                path.unlink()


def _environment(folder: Path, services: Services, data: Path) -> Mapping[str, str]:
    """Ours, with the addresses of the services, and the store's secrets of this replay."""
    if services.postgres is None:
        raise CannotStart("A replay runs on a PostgreSQL of its own.")
    services.postgres.create_database(DATABASE)
    return {
        **os.environ,
        **services.environment,
        "ORCHESTRA_LOCAL": str(folder),
        "PYTHONUNBUFFERED": "1",
        "STORE_DATABASE_URL": services.postgres.url(OWNER, DATABASE),
        "STORE_TOKEN": secrets.token_urlsafe(24),
        "STORE_ADMIN_TOKEN": secrets.token_urlsafe(24),
        "STORE_DATA": str(data),
    }


def _begin(stack: ExitStack, folder: Path, command: Command) -> Running:
    running = Running(_logged(folder, command))
    stack.callback(running.stop)
    running.start()
    ledger.record(folder, running.pid or 0)
    return running


def _wait_for(store: Store, process: Running, pause: Pause) -> None:
    until = time.monotonic() + PATIENCE
    while not store.answers():
        if process.pid is None or time.monotonic() > until:
            raise CannotStart(f"the store does not answer at {store.address}; see {process.command.log}")
        pause(0.1)


def _finish(command: Command, pause: Pause) -> None:
    status, said = run(command, pause=pause)
    if status:
        raise CannotStart(f"{command.name} failed (exit status {status}):\n{said.strip()}")


def _manage(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
    argv = (sys.executable, "manage.py", *arguments)
    return Command(name=name, argv=argv, environment=environment, folder=ROOT)


def _store(port: int, environment: Mapping[str, str]) -> Command:
    argv = (sys.executable, "-m", "examples.store", "--port", str(port))
    return Command(name="store", argv=argv, environment=environment, folder=ROOT)


def _logged(folder: Path, command: Command) -> Command:
    return replace(command, log=_log(folder, command.name))


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"
