"""Functions and tools that the workflows of these tests call. What they saw is kept here, in this process.

Refuses to wait for ever: a gate that nobody opens fails its step.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from orchestra.models import Person
from orchestra.tools.registry import tool
from orchestra.workflows.functions import function

LONGEST = 60.0  # seconds at a gate


@dataclass
class Seen:
    """What the functions of one test saw; `forget` before each."""

    calls: Counter[str] = field(default_factory=Counter)
    gates: defaultdict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))
    begun: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    most_at_once: int = 0

    def at_once(self) -> int:
        """How many have begun and not ended."""
        return len(self.begun) - len(self.ended)

    def forget(self) -> None:
        """Begin anew; who still waits at a gate goes on."""
        for gate in list(self.gates.values()):
            gate.set()
        self.__init__()  # type: ignore[misc]


seen = Seen()


@function("t.echo")
def echo(**values: Any) -> dict[str, Any]:
    """What came in."""
    return values


@function("t.same")
def same(value: Any) -> Any:
    """The one value itself."""
    return value


@function("t.count")
def count(key: str = "") -> dict[str, Any]:
    """How often it was called with this key."""
    seen.calls[key] += 1
    return {"calls": seen.calls[key]}


@function("t.fail")
def fail(message: str = "it cannot be done", **_: Any) -> None:
    """Always in vain."""
    raise RuntimeError(message)


@function("t.flaky")
def flaky(key: str, failures: int) -> dict[str, Any]:
    """In vain so many times, then not."""
    seen.calls[key] += 1
    if seen.calls[key] <= failures:
        raise RuntimeError(f"failure {seen.calls[key]}")
    return {"calls": seen.calls[key]}


@function("t.unless")
def unless(value: Any, bad: Any) -> Any:
    """The value, or a failure when it is the bad one."""
    if value == bad:
        raise RuntimeError(f"{value} is bad")
    return value


@function("t.gate")
def gate(key: str) -> dict[str, Any]:
    """Waits until the test opens the gate."""
    mine = seen
    mine.calls[key] += 1
    mine.begun[key] = time.monotonic()
    mine.most_at_once = max(mine.most_at_once, mine.at_once())
    if not mine.gates[key].wait(LONGEST):
        raise RuntimeError(f"nobody opened the gate {key}")
    mine.ended[key] = time.monotonic()
    return {"key": key}


@function("t.gate_and_fail")
def gate_and_fail(key: str) -> None:
    """Waits until the test opens the gate, and fails then."""
    gate(key)
    raise RuntimeError("in vain")


@function("t.gate_by_call")
def gate_by_call(key: str) -> dict[str, Any]:
    """Waits at a gate of its own for each call."""
    seen.calls[key] += 1
    call = seen.calls[key]
    gate(f"{key}{call}")
    return {"call": call}


@function("t.nap")
def nap(key: Any, seconds: float) -> Any:
    """Takes a while."""
    name = str(key)
    seen.calls[name] += 1
    seen.begun[name] = time.monotonic()
    seen.most_at_once = max(seen.most_at_once, seen.at_once())
    time.sleep(seconds)
    seen.ended[name] = time.monotonic()
    return key


@function("t.query")
def query() -> int:
    """Asks the database, which it must not."""
    return Person.objects.count()


@function("t.query_elsewhere")
def query_elsewhere(alias: str) -> int:
    """Asks the database by another name, which it must not either."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


@function("t.leave")
def leave() -> None:
    """Wants to end the process."""
    sys.exit(3)


@function("t.change")
def change(order: dict[str, Any]) -> dict[str, Any]:
    """Changes what it was given."""
    order["changed"] = True
    return {"kept": True}


@function("t.odd")
def odd(what: str) -> Any:
    """Something that cannot be kept."""
    kept: dict[str, Any] = {
        "set": {1},
        "nan": float("nan"),
        "nul": "a\0b",
        "surrogate": "\ud800",
        "huge": 2**60,
        "keys": {1: "one"},
    }
    return kept[what]


class UnspeakableError(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


@function("t.raise_odd")
def raise_odd(what: str) -> None:
    """Fails with a text that PostgreSQL cannot keep, or with none at all."""
    if what == "unspeakable":
        raise UnspeakableError
    raise RuntimeError({"nul": "a\0b", "surrogate": "a\ud800b", "long": "x" * 100_000}[what])


@function("t.large")
def large(size: int) -> str:
    """A text of so many letters."""
    return "x" * size


@tool(
    "t.read",
    arguments={
        "type": "object",
        "required": ["key"],
        "additionalProperties": False,
        "properties": {"key": {"type": "string"}},
    },
)
def read(key: str) -> dict[str, Any]:
    """A reading tool."""
    return {"read": key}


@tool("t.broken", arguments={"type": "object"})
def broken(**values: Any) -> None:
    """A tool whose system is away."""
    seen.calls[str(values.get("key", ""))] += 1
    raise ConnectionError("the system is away")


@tool("t.slow", arguments={"type": "object"})
def slow(key: str) -> dict[str, Any]:
    """A tool that waits until the test opens the gate."""
    return {"key": gate(key)["key"]}
