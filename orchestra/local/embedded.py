"""Owns the services below one checkout: PostgreSQL and Valkey, one start at a time, addresses told to all.

Refuses to start a second time in the same folder, and to start what the environment names already.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestra.local import folders, ledger, postgres, valkey
from orchestra.local.postgres import Postgres
from orchestra.local.processes import CannotStart, Pause, Running
from orchestra.local.valkey import Valkey

DATABASE_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_DIRECT_URL")


class AlreadyRunning(CannotStart):
    """The folder is in use."""

    code = "already-running"


@dataclass(frozen=True, slots=True)
class Services:
    """What runs, and the variables that tell other processes where. None: somebody else's server is used."""

    environment: Mapping[str, str]
    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def running(self) -> tuple[Running, ...]:
        """The servers that we run, in the order of their start."""
        return tuple(service.running for service in (self.postgres, self.valkey) if service)


@contextmanager
def start(
    local: Path,
    *,
    given: Mapping[str, str] = os.environ,
    settings: Mapping[str, str] = postgres.NO_SETTINGS,
    pause: Pause = time.sleep,
) -> Iterator[Services]:
    """Start what `given` does not name, tell the addresses in `local/environment`, stop all at the end.

    `settings` are PostgreSQL's. Raises AlreadyRunning or CannotStart.
    """
    with ExitStack() as stack:
        stack.enter_context(hold(local))
        ledger.end_leftovers(local)
        database = None
        if not names_database(given):
            database = postgres.start(local / "postgres", settings=settings, pause=pause)
            stack.callback(folders.leave, database.socket)
            stack.callback(database.stop)
        hints = None
        if not _named(given, "REDIS_URL"):
            hints = valkey.start(local / "valkey", pause=pause)
            stack.callback(hints.stop)
        environment = _environment(given, database, hints)
        told = local / "environment"
        stack.callback(told.unlink, missing_ok=True)
        folders.write_private(told, "".join(f"{name}={value}\n" for name, value in environment.items()))
        yield Services(environment, database, hints)


@contextmanager
def hold(local: Path) -> Iterator[None]:
    """Hold the folder alone; AlreadyRunning says who has it. The lock ends with our process, however it ends."""
    local.mkdir(parents=True, exist_ok=True)
    local.chmod(0o711)  # PostgreSQL's user passes through; each file inside has rights of its own
    with (local / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise AlreadyRunning(
                f"Orchestra is already running here (pid {holder}). Stop it with Ctrl-C there, or: kill {holder}"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)


def reset(local: Path, *, also: Sequence[str] = ()) -> None:
    """Throw away the data, and folders of that name. Raises AlreadyRunning instead of touching what is in use."""
    with hold(local):
        ledger.end_leftovers(local)
        (local / "postgres").mkdir(exist_ok=True)
        cluster = postgres.cluster_folder(local / "postgres")
        postgres.end_leftover(cluster)
        valkey.end_leftover(local / "valkey")
        more = {local / name for name in also}
        for folder in {cluster.parent, local / "postgres", local / "valkey", *more}:
            if folder.exists():
                shutil.rmtree(folder)
        for name in ("environment", "secret_key"):
            (local / name).unlink(missing_ok=True)


def names_database(given: Mapping[str, str]) -> bool:
    """Whether the environment names the database. CannotStart when it names only part of it."""
    if _named(given, "DATABASE_URL"):
        return True
    if named := [name for name in DATABASE_NAMES if _named(given, name)]:
        raise CannotStart(f"{named[0]} is set but DATABASE_URL is not. Set both, or neither.")
    return False


def _environment(
    given: Mapping[str, str], database: Postgres | None, hints: Valkey | None
) -> Mapping[str, str]:
    if database:
        app = database.url(postgres.APP)
        addresses = dict(zip(DATABASE_NAMES, (app, database.url(postgres.OWNER), app), strict=True))
    else:
        theirs = _named(given, "DATABASE_URL")
        addresses = {name: _named(given, name) or theirs for name in DATABASE_NAMES}
    return {**addresses, "REDIS_URL": hints.url() if hints else _named(given, "REDIS_URL")}


def _named(given: Mapping[str, str], name: str) -> str:
    """What the environment says, itself or by a file; empty when it says nothing."""
    if value := given.get(name, ""):
        return value
    if path := given.get(f"{name}_FILE", ""):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CannotStart(f"{name}_FILE cannot be read: {error.strerror}.") from None
    return ""
