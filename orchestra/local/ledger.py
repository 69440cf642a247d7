"""Remembers the processes of a supervisor in a file, so that those that outlive its kill -9 can be ended.

Refuses to end a process whose start time is not the recorded one: pids are given again.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from orchestra.local.processes import kill_group

GRACE = 5.0  # seconds between asking and killing


def record(local: Path, pid: int) -> None:
    """Note a process that was just started as leader of its own group."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    with _file(local).open("a", encoding="utf-8") as file:
        file.write(f"{pid} {created!r}\n")


def forget(local: Path) -> None:
    """All of them have ended."""
    _file(local).unlink(missing_ok=True)


def end_leftovers(local: Path) -> None:
    """End what an earlier supervisor left, asking first, then by its process group."""
    left = [process for line in _lines(local) if (process := _same(line))]
    for process in left:
        process.terminate()
    _, stubborn = psutil.wait_procs(left, GRACE)
    for process in stubborn:
        kill_group(process.pid)
    psutil.wait_procs(stubborn, GRACE)
    forget(local)


def _lines(local: Path) -> list[str]:
    try:
        return _file(local).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _same(line: str) -> psutil.Process | None:
    pid, _, created = line.partition(" ")
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(created)) < 1 and process.status() != psutil.STATUS_ZOMBIE
        return process if same and os.getpgid(process.pid) == process.pid else None
    except (psutil.Error, ValueError, ProcessLookupError):
        return None


def _file(local: Path) -> Path:
    return local / "processes"
