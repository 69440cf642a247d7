"""Functions of steps that these tests kill: each notes in a file what it does, so that a test can count.

Refuses to wait for ever: a gate that nobody opens fails its step.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from orchestra.tools.registry import tool
from orchestra.workflows.functions import function

LONGEST = 120.0  # seconds at a gate


@function("crash.mark")
def mark(given: dict[str, Any], step: str) -> dict[str, Any]:
    """Done at once."""
    note(given, step, "begin")
    return _end(given, step)


@function("crash.nap")
def nap(given: dict[str, Any], step: str, seconds: float) -> dict[str, Any]:
    """Done after a while."""
    note(given, step, "begin")
    pause(seconds)
    return _end(given, step)


@function("crash.gate")
def gate(given: dict[str, Any], step: str) -> dict[str, Any]:
    """Done when the test opens the gate: for everybody, or for this process alone."""
    note(given, step, "begin")
    gates = [Path(given["gate"]), Path(f"{given['gate']}.{os.getpid()}")]
    end = time.monotonic() + LONGEST
    while not any(path.exists() for path in gates):
        if time.monotonic() > end:
            raise TimeoutError("nobody opened the gate")
        pause(0.02)
    return _end(given, step)


@function("crash.die")
def die(given: dict[str, Any], step: str) -> None:
    """The end of the process that does it, each time."""
    note(given, step, "begin")
    os.kill(os.getpid(), signal.SIGKILL)


@function("crash.flaky")
def flaky(given: dict[str, Any], step: str) -> dict[str, Any]:
    """In vain the first time."""
    note(given, step, "begin")
    if not Path(f"{given['gate']}.{given['n']}.tried").exists():
        Path(f"{given['gate']}.{given['n']}.tried").touch()
        raise RuntimeError("in vain")
    return _end(given, step)


@tool("crash.read", arguments={"type": "object"})
def read(given: dict[str, Any], step: str) -> dict[str, Any]:
    """Done at once, as a tool: it is written down before it begins."""
    note(given, step, "begin")
    return _end(given, step)


def pause(seconds: float) -> None:
    """Sleep; `time.sleep` raises below libfaketime when that leaves the monotonic clock alone."""
    threading.Event().wait(seconds)


def note(given: dict[str, Any], step: str, what: str) -> None:
    """Append a line in one write, so that processes do not mix theirs."""
    line = {"n": given["n"], "step": step, "what": what, "pid": os.getpid()}
    file = os.open(given["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def _end(given: dict[str, Any], step: str) -> dict[str, Any]:
    note(given, step, "end")
    return {"pid": os.getpid()}
