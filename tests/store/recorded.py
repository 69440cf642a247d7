"""Plays recorded runs against the shop's rules, without a database, and tells where they differ.

Reads the data folder only; knows which answers a recording cannot share with any shop.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.store import exact, tools
from examples.store.data import Data
from examples.store.dialects import DIALECTS, STRICT, Dialect
from examples.store.operations import OPERATIONS, Memory, Refused, World

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("RETAIL_DATA", ROOT / ".." / "shared" / "data" / "retail"))
LENIENT_SOURCE = "S3"
FAULT = "Error: 503 Service Unavailable"
# The lenient back office words one refusal otherwise.
WORDED = {"error: payment method should be the original payment method": "payment method should be either"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the shop says: a result, or why not. `by_schema`: the arguments did not fit."""

    result: Any = None
    error: str | None = None
    by_schema: bool = False


@dataclass(slots=True)
class Tally:
    """How many recorded calls there were of which kind, and the differences, by run."""

    compared: int = 0
    by_schema: int = 0
    faults: int = 0
    unparsable: int = 0
    unknown: int = 0
    differences: list[str] = field(default_factory=list)


def runs() -> Iterator[dict[str, Any]]:
    """All recorded runs."""
    with gzip.open(FOLDER / "trajectories.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield exact.read(line)


def labels() -> dict[tuple[str, int, int], str]:
    """The decision on each recorded write, by run, message and call."""
    with gzip.open(FOLDER / "labels.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [exact.read(line) for line in lines]
    return {(label["run"], label["message"], label["call"]): label["decision"] for label in found}


def truths() -> dict[str, list[dict[str, Any]]]:
    """The calls that should have been made, by task."""
    with (FOLDER / "tasks.jsonl").open(encoding="utf-8") as lines:
        return {task["task"]: task["actions"] for task in map(exact.read, lines)}


def dialect_of(run: Mapping[str, Any]) -> Dialect:
    """How strict the back office of this recording was."""
    return DIALECTS["lenient"] if run["source"] == LENIENT_SOURCE else STRICT


def calls(run: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any], str]]:
    """Message, place in it, function, and the recorded answer of each call, in order."""
    answers = {
        message["tool_call_id"]: message["content"]
        for message in run["messages"]
        if message["role"] == "tool"
    }
    for number, message in enumerate(run["messages"]):
        for place, call in enumerate(message.get("tool_calls") or []):
            yield number, place, call["function"], answers[call["id"]]


def ask(base: Data, memory: Memory, dialect: Dialect, tool: str, arguments: Any) -> Told:
    """One call as the desk does it, on an overlay in memory."""
    try:
        checked = tools.find(tool).check(arguments)
        return Told(result=OPERATIONS[tool](World(base, memory, dialect), **checked))
    except Refused as refused:
        return Told(error=str(refused))
    except tools.BadArguments as problem:
        return Told(error=str(problem), by_schema=True)


def compare(base: Data, run: Mapping[str, Any], tally: Tally) -> None:
    """Play one run and add to the tally."""
    memory, dialect = Memory(), dialect_of(run)
    for number, place, function, answer in calls(run):
        if answer == FAULT:
            tally.faults += 1
            continue
        try:
            arguments = exact.read(function["arguments"])
        except exact.NotPlain:
            tally.unparsable += 1
            continue
        if function["name"] not in OPERATIONS:
            tally.unknown += 1
            continue
        tally.compared += 1
        told = ask(base, memory, dialect, function["name"], arguments)
        tally.by_schema += told.by_schema
        if problem := difference(told, answer, lenient=dialect is not STRICT):
            tally.differences.append(
                f"{run['run']} message {number} call {place} {function['name']}: {problem}"
            )


def difference(told: Told, answer: str, *, lenient: bool) -> str:
    """How the shop's answer differs from the recorded one; empty when it does not."""
    failed = answer.startswith("Error: ")
    if failed != (told.error is not None):
        return f"recorded {answer[:80]!r}, here {told.error or 'no error'!r}"
    if failed:
        return "" if same_refusal(told, answer.lower()) else f"recorded {answer!r}, here {told.error!r}"
    recorded = exact.read(answer) if answer.startswith("{") else answer
    if comparable(told.result, lenient=lenient) != comparable(recorded, lenient=lenient):
        return f"recorded {answer[:200]!r}, here {exact.write(told.result)[:200]!r}"
    return ""


def same_refusal(told: Told, answer: str) -> bool:
    """Whether both refuse for the same reason. `answer` in small letters."""
    assert told.error is not None
    if told.by_schema:  # the recorded back ends found out later, each in its own words
        return True
    return answer == f"error: {told.error.lower()}" or told.error.startswith(WORDED.get(answer, "\0"))


def comparable(value: Any, *, lenient: bool) -> Any:
    """A result without what only some recordings have: empty fields, a customer's own id, binary fractions."""
    if isinstance(value, dict):
        own_id = {"user_id"} if lenient and "payment_methods" in value else set()
        kept = {key: held for key, held in value.items() if held is not None and key not in own_id}
        return {key: comparable(held, lenient=lenient) for key, held in kept.items()}
    if isinstance(value, list):
        return [comparable(held, lenient=lenient) for held in value]
    return exact.cents(value) if isinstance(value, Decimal) else value


def ending(base: Data, memory: Memory) -> dict[tuple[str, str], str]:
    """The rows that are not as in the base data, lists without their order."""
    rows = {
        (kind, row_id): (unordered(row), unordered(base.row(kind, row_id)))
        for kind, held in memory.rows.items()
        for row_id, row in held.items()
    }
    return {place: now for place, (now, before) in rows.items() if now != before}


def unordered(value: Any) -> str:
    """A text that is the same for equal values, whatever the order in lists and the zeros of numbers."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{unordered(held)}" for key, held in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(unordered, value))) + "]"
    return str(exact.cents(value)) if isinstance(value, Decimal | int) else exact.write(value)
