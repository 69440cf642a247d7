"""Recorded conversations (OpenAI chat format, one JSON object a line): reads them, cuts them into turns.
Says how each one ends and which faults were injected. Refuses to judge whether it went well.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

from orchestra.errors import Invalid, NotFound

Message: TypeAlias = Mapping[str, Any]

FILES: Final = ("trajectories.jsonl.gz", "trajectories.jsonl")
HAND_OFF_TOOLS: Final = frozenset({"transfer_to_human_agents"})
STOP: Final = "###STOP###"
TRANSFER: Final = "###TRANSFER###"
#: The recorded text of an answer that was injected in place of the backend's.
INJECTED: Final = re.compile(r"Error: (5\d\d)\b.*", re.DOTALL)


class Ending(StrEnum):
    """How a recording ends. Handed off: by the tool for it, or by the marker in a customer's last words."""

    DONE = "done"
    HANDED_OFF = "handed_off"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """What came in before the assistant's message, that message, and the results of its calls in their order."""

    received: tuple[Message, ...]
    message: Message
    results: tuple[str, ...]

    @property
    def calls(self) -> tuple[Mapping[str, Any], ...]:
        """Name and arguments (a text) of each call."""
        return tuple(call["function"] for call in self.message.get("tool_calls") or ())


@dataclass(frozen=True, slots=True)
class Fault:
    """An injected answer. `call` counts all tool calls of the run from 1, `nth` those of this tool alone."""

    call: int
    status: int
    body: str
    tool: str
    nth: int


@dataclass(frozen=True, slots=True)
class Recording:
    """One run: its turns, what came in after the last one, its other fields as they are in the file."""

    run: str
    turns: tuple[RecordedTurn, ...]
    closing: tuple[Message, ...]
    ending: Ending
    fields: Mapping[str, Any]


class Library:
    """The recordings of one file. Each is kept compressed (2.5 MB for 900) and unpacked when it is played."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._packed = dict(_pack(path))
        # Where a file has the marker of the end, a run without it was cut off; elsewhere words may end a run.
        self._marked = any(STOP.encode() in zlib.decompress(packed) for packed in self._packed.values())

    def runs(self) -> tuple[str, ...]:
        """The ids, in the order of the file."""
        return tuple(self._packed)

    def get(self, run: str) -> Recording:
        """One recording; raises NotFound."""
        if run not in self._packed:
            raise NotFound(f"{self.path.name} has no run {run!r}")
        return build(json.loads(zlib.decompress(self._packed[run])), marked=self._marked)


def _pack(path: Path) -> Iterator[tuple[str, bytes]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _run_id(path, number, line), zlib.compress(line, level=6)


def _run_id(path: Path, number: int, line: bytes) -> str:
    try:
        return str(json.loads(line)["run"])
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid.at("", f"{path.name} holds no recorded run here: {error!r}", line=number) from error


def library(data: str | Path) -> Library:
    """The recordings of a folder or file, read at the first call and again when the file has changed.

    Raises NotFound when there is none, Invalid when it cannot be read.
    """
    path = _locate(Path(data))
    stamp = path.stat()
    with _LOADING:
        return _load(path, stamp.st_mtime_ns, stamp.st_size)


def recording(data: str | Path, run: str) -> Recording:
    """One run of a folder or file; the latest ones are kept at hand. Do not change what you get."""
    return _recent(library(data), run)


_LOADING: Final = Lock()  # else two threads read the file at the same time


@lru_cache(maxsize=4)
def _load(path: Path, changed: int, size: int) -> Library:  # noqa: ARG001 - parts of the key
    return Library(path)


@lru_cache(maxsize=256)
def _recent(source: Library, run: str) -> Recording:
    return source.get(run)


def _locate(given: Path) -> Path:
    found = next((path for path in (given, *(given / name for name in FILES)) if path.is_file()), None)
    if found is None:
        raise NotFound(f"no recordings: {given} is no file and holds none of {', '.join(FILES)}")
    return found.resolve()


def build(row: Mapping[str, Any], *, marked: bool = True) -> Recording:
    """A recording from one row of the file; raises Invalid for messages in an order that no chat has.

    `marked`: the last words of a whole conversation hold ###STOP###, so that one without it was cut off.
    """
    turns, waiting = _turns(str(row["run"]), row["messages"])
    fields = {name: value for name, value in row.items() if name not in {"run", "messages"}}
    return Recording(str(row["run"]), turns, waiting, _ending(turns, waiting, marked), fields)


def _turns(run: str, messages: Iterable[Message]) -> tuple[tuple[RecordedTurn, ...], tuple[Message, ...]]:
    turns: list[tuple[tuple[Message, ...], Message, dict[str, str]]] = []
    waiting: list[Message] = []
    for index, message in enumerate(messages):
        role = message.get("role")
        if role == "assistant":
            turns.append((tuple(waiting), message, {}))
            waiting = []
        elif role == "tool" and turns and not waiting:
            turns[-1][2][str(message["tool_call_id"])] = str(message["content"] or "")
        elif role in {"user", "system"}:
            waiting.append(message)
        else:
            raise Invalid.at(f"/messages/{index}", f"run {run}: a message of role {role!r} cannot stand here")
    return tuple(RecordedTurn(got, said, _in_order(said, found)) for got, said, found in turns), tuple(
        waiting
    )


def _in_order(message: Message, results: Mapping[str, str]) -> tuple[str, ...]:
    """The results up to the first call that has none."""
    ordered: list[str] = []
    for call in message.get("tool_calls") or ():
        if call["id"] not in results:
            break
        ordered.append(results[call["id"]])
    return tuple(ordered)


def _ending(turns: tuple[RecordedTurn, ...], closing: tuple[Message, ...], marked: bool) -> Ending:
    last_words = " ".join(str(message.get("content") or "") for message in closing)
    if TRANSFER in last_words or any(call["name"] in HAND_OFF_TOOLS for turn in turns for call in turn.calls):
        return Ending.HANDED_OFF
    if closing and marked and STOP not in last_words:
        return Ending.CUT
    # Done once the assistant has spoken last and waits for nothing.
    return Ending.DONE if turns and not turns[-1].calls else Ending.CUT


def faults(played: Recording) -> tuple[Fault, ...]:
    """The injected answers of a run, in the order of its calls."""
    found: list[Fault] = []
    used: Counter[str] = Counter()
    for turn in played.turns:
        for place, call in enumerate(turn.calls):
            used[call["name"]] += 1
            text = turn.results[place] if place < len(turn.results) else ""
            if hit := INJECTED.fullmatch(text):
                name = call["name"]
                found.append(Fault(used.total(), int(hit[1]), text, name, used[name]))
    return tuple(found)
