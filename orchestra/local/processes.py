"""Starts and ends local processes: each in a session of its own, dying with its parent, ended by pid.

Refuses to end a process that it did not start or cannot prove to be ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from orchestra.errors import OrchestraError

Pause = Callable[[float], None]
"""Waits so many seconds. May raise, to end a start half way; nothing that was started then stays."""

PR_SET_PDEATHSIG = 1
_prctl = ctypes.PyDLL(None).prctl if sys.platform == "linux" else None


class CannotStart(OrchestraError):
    """Something local does not start; the message says what and what to do."""

    code = "cannot-start"
    status = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Whom a server runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start and stop one process. `environment` None is ours; `log` None gives the lines to a reader.

    `grace` is in seconds: how long it may take to end after the `stop` signal.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    folder: Path = Path("/")
    user: User | None = None
    log: Path | None = None
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0


class Running:
    """One command and the process that runs it at present; started again, it is another process."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; with a `log` its lines are appended there, else they wait in the process's `stdout`."""
        self.started = time.monotonic()
        if self.command.log is None:
            self.process = spawn(self.command, subprocess.PIPE)
        else:
            with self.command.log.open("ab") as log:
                self.process = spawn(self.command, log)
        return self.process

    def ask_to_stop(self) -> None:
        """Send the stop signal and do not wait."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.command.stop)

    def stop(self, *, grace: float | None = None) -> None:
        """Ask it to stop, wait, then kill what is left of its process group. Harmless when it is gone."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(self.command.grace if grace is None else grace)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the whole process group at once and collect the process."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()


def spawn(command: Command, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the command in its own session, tied to our life where the system can do that."""
    user: dict[str, Any] = {}
    if command.user is not None:
        user = {"user": command.user.uid, "group": command.user.gid, "extra_groups": []}
    return subprocess.Popen(
        command.argv,
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_tie(command.stop),  # noqa: PLW1509 - two system calls, no lock taken
        **user,
    )


def run(command: Command, *, pause: Pause = time.sleep) -> tuple[int, str]:
    """Run the command to its end: exit status and all it printed. Killed if `pause` raises."""
    with tempfile.TemporaryFile() as output:
        process = spawn(command, output)
        try:
            while process.poll() is None:
                pause(0.02)
        finally:
            kill_group(process.pid)
            process.wait()
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")


def kill_group(leader: int) -> None:
    """SIGKILL the process group of a child that we started as a session leader."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # empty; macOS says "not permitted" for a dead leader
        return


def recognise(pid: int, *, name: str, folder: Path) -> psutil.Process | None:
    """The live process of that pid if it has that name and works in that folder; else it is not ours."""
    try:
        found = psutil.Process(pid)
        ours = found.status() != psutil.STATUS_ZOMBIE and found.name() == name
        return found if ours and Path(found.cwd()) == folder.resolve() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def end(process: psutil.Process, *, by: signal.Signals, grace: float) -> None:
    """End a process left by an earlier start that was killed; it is no child of ours."""
    try:
        process.send_signal(by)
        process.wait(grace)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(grace)
    except psutil.NoSuchProcess:
        return


def _tie(last_word: signal.Signals) -> Callable[[], None] | None:
    """What a new child does before its program starts: ask for a signal at our death (Linux only)."""
    if _prctl is None:
        return None
    prctl, parent, number = _prctl, os.getpid(), int(last_word)

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # we died between fork and prctl
            os._exit(1)

    return tie
