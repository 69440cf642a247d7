"""The recorded runs with all that is known about them: labels, tasks, faults, how each should end.
Reads files only. Refuses nothing of what it finds: judging is left to the report.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from orchestra.agents import recordings
from orchestra.agents.recordings import Ending, Fault, Recording
from reviews.replay.world import OPERATIONS, Call, Replayed, Shop, open_shop, replay

NEEDED: Final = ("users.json", "orders.json", "products.json")
#: Recorded with a back office that lets a modified order's address change.
LENIENT_SOURCES: Final = frozenset({"S3"})
APPROVE: Final = "approve"


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one recorded write. `turn` and `ordinal` count from 0: the place of its call in the run.

    `arguments` is None where the JSON did not parse. `took_effect` and `backend_error`: then, not here.
    """

    run: str
    turn: int
    ordinal: int
    tool: str
    arguments: Mapping[str, Any] | None
    decision: str
    label: str
    took_effect: bool
    backend_error: str | None
    broken_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What should have been done: all ground-truth writes in their order; `instruction` is the customer's wish."""

    task: str
    instruction: str
    writes: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run, without its messages."""

    run: str
    model: str
    source: str
    task: str
    ending: Ending
    turns: int
    calls: int
    writes: int
    success: bool
    faults: tuple[Fault, ...]

    @property
    def dialect(self) -> str:
        """How the store of its world must behave: strict or lenient."""
        return "lenient" if self.source in LENIENT_SOURCES else "strict"


class Dataset:
    """One folder of recorded runs. Everything is read at its first use and kept, messages only compressed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def runs(self) -> Mapping[str, Run]:
        """By id, in the order of the file."""
        library = recordings.library(self.folder)
        return {name: _run(library.get(name)) for name in library.runs()}

    @cached_property
    def labels(self) -> Mapping[str, tuple[Label, ...]]:
        """By run, in the order of the calls; runs without writes have no entry."""
        found: defaultdict[str, list[Label]] = defaultdict(list)
        turns: dict[str, tuple[int, ...]] = {}
        for row in _rows(self.folder / "labels.jsonl.gz"):
            run = row["run"]
            turns[run] = turns.get(run) or _turns_by_message(self.recording(run))
            found[run].append(_label(row, turns[run][row["message"]]))
        return {
            run: tuple(sorted(each, key=lambda one: (one.turn, one.ordinal))) for run, each in found.items()
        }

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """By task id."""
        return {row["task"]: _task(row) for row in _rows(self.folder / "tasks.jsonl")}

    @cached_property
    def shop(self) -> Shop:
        """The database before every run."""
        return open_shop(self.folder)

    def recording(self, run: str) -> Recording:
        """The run with its messages; raises NotFound."""
        return recordings.recording(self.folder, run)

    def label(self, run: str, turn: int, ordinal: int) -> Label | None:
        """The label of the call at this place (both from 0); None for a call that is no recorded write."""
        return next(
            (one for one in self.labels.get(run, ()) if (one.turn, one.ordinal) == (turn, ordinal)), None
        )

    def truth(self, run: str) -> Replayed:
        """The shop after the ground-truth writes of the run's task."""
        mine = self.runs[run]
        return replay(self.shop, self.tasks[mine.task].writes, lenient=mine.dialect == "lenient")

    def reference(self, run: str, *, without: frozenset[tuple[int, int]] = frozenset()) -> Replayed:
        """The shop after the calls that a reviewer approves, but those at `without` (turn, ordinal)."""
        calls = [
            Call(one.tool, one.arguments or {})
            for one in self.labels.get(run, ())
            if one.decision == APPROVE and (one.turn, one.ordinal) not in without
        ]
        return replay(self.shop, calls, lenient=self.runs[run].dialect == "lenient")


def find(given: str | Path) -> Dataset | None:
    """The data set of a folder, None when it is not there or lacks what a replay needs."""
    folder = Path(given)
    missing = [name for name in (*NEEDED, "labels.jsonl.gz", "tasks.jsonl") if not (folder / name).is_file()]
    has_runs = any((folder / name).is_file() for name in recordings.FILES)
    return Dataset(folder) if has_runs and not missing else None


def spread(runs: Mapping[str, Run], number: int | None) -> tuple[str, ...]:
    """The ids of so many runs, taken evenly over the file, so that each model is among them; all for None."""
    ids = tuple(runs)
    if number is None or number >= len(ids):
        return ids
    return tuple(ids[place * len(ids) // number] for place in range(number))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _run(played: Recording) -> Run:
    fields = played.fields
    return Run(
        run=played.run,
        model=fields["model"],
        source=fields["source"],
        task=fields["task"],
        ending=played.ending,
        turns=len(played.turns),
        calls=sum(len(turn.calls) for turn in played.turns),
        writes=fields["write_calls"],
        success=fields["success"],
        faults=recordings.faults(played),
    )


def _turns_by_message(played: Recording) -> tuple[int, ...]:
    """For each message of the recording the number of assistant messages before it."""
    numbers: list[int] = []
    for number, turn in enumerate(played.turns):
        numbers += [number] * (len(turn.received) + 1) + [number + 1] * len(turn.results)
    return tuple(numbers)


def _label(row: Mapping[str, Any], turn: int) -> Label:
    return Label(
        run=row["run"],
        turn=turn,
        ordinal=row["call"],
        tool=row["tool"],
        arguments=row["arguments"],
        decision=row["decision"],
        label=row["label"],
        took_effect=row["took_effect"],
        backend_error=row["backend_error"],
        broken_rules=tuple(row["broken_rules"] or ()),
    )


def _task(row: Mapping[str, Any]) -> Task:
    writes = [Call(one["name"], one["arguments"]) for one in row["actions"] if one["name"] in OPERATIONS]
    return Task(row["task"], row["instruction"], tuple(writes))
