"""What each recorded run needs on stage: its agent, a world of its own, the faults in it; and which calls are refused.
Reads files only.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from orchestra import schemas
from orchestra.agents.recordings import Fault, Recording
from orchestra.schemas import Schema
from reviews.replay.dataset import Dataset, Run
from reviews.replay.documents import ANY_MODEL, Library

#: Turn and ordinal, both from 0.
Place: TypeAlias = tuple[int, int]
LONGEST_WORLD: Final = 80


@dataclass(frozen=True, slots=True)
class Part:
    """One run to be played. `writes`: places of recorded writes; `refused`: of calls that no gate can take."""

    run: Run
    agent: str
    world: str
    faults: tuple[Mapping[str, Any], ...]
    writes: frozenset[Place]
    refused: frozenset[Place]


def parts(data: Dataset, library: Library, runs: Iterable[str]) -> list[Part]:
    """The parts of these runs, in their order."""
    shapes = {
        name: schemas.compile(declared["arguments"]) for name, declared in library.declarations().items()
    }
    agents = library.agent_of()
    return [_part(data, data.runs[run], agents, shapes, number) for number, run in enumerate(runs, start=1)]


def _part(
    data: Dataset, run: Run, agents: Mapping[str, str], shapes: Mapping[str, Schema], number: int
) -> Part:
    played = data.recording(run.run)
    return Part(
        run=run,
        agent=agents.get(run.model) or agents[ANY_MODEL],
        world=world(number, run.run),
        faults=tuple(ordered(played, run.faults, shapes)),
        writes=frozenset((label.turn, label.ordinal) for label in data.labels.get(run.run, ())),
        refused=frozenset(_refused(played, shapes)),
    )


def world(number: int, run: str) -> str:
    """A name that is a world's, a label's, and no other run's."""
    return f"{number:04d}-{re.sub('[^A-Za-z0-9]+', '-', run)}"[:LONGEST_WORLD]


def ordered(
    played: Recording, faults: Iterable[Fault], shapes: Mapping[str, Schema]
) -> Iterator[Mapping[str, Any]]:
    """The faults as the store takes them: it counts a tool's calls that reach it, and broken ones never do."""
    wanted = {(fault.tool, fault.nth): fault for fault in faults}
    asked: Counter[str] = Counter()
    arrived: Counter[str] = Counter()
    for _, name, arguments in _calls(played):
        asked[name] += 1
        reaches = name in shapes and _fits(shapes[name], arguments)
        arrived[name] += reaches
        fault = wanted.get((name, asked[name]))
        if fault is not None and reaches:
            yield {"tool": name, "call": arrived[name], "kind": "error", "status": fault.status}


def _refused(played: Recording, shapes: Mapping[str, Schema]) -> Iterator[Place]:
    """Calls of tools that do not exist, and those whose arguments are no JSON object."""
    for place, name, arguments in _calls(played):
        if name not in shapes or not isinstance(_read(arguments), dict):
            yield place


def _calls(played: Recording) -> Iterator[tuple[Place, str, str]]:
    for number, turn in enumerate(played.turns):
        for ordinal, call in enumerate(turn.calls):
            yield (number, ordinal), call["name"], call["arguments"]


def _fits(shape: Schema, arguments: str) -> bool:
    read = _read(arguments)
    return isinstance(read, dict) and not shape.problems(read)


def _read(arguments: str) -> object:
    try:
        return json.loads(arguments)
    except ValueError:
        return None
