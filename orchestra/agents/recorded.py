"""The recorded agent: plays a transcript turn by turn through the live engine and says where reality departs.
Holds no state of a run: its place is the number of turns asked for so far. Refuses to pretend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from orchestra.agents.chat import results
from orchestra.agents.departures import departures
from orchestra.agents.recordings import Ending, RecordedTurn, Recording, recording
from orchestra.agents.trouble import ModelTrouble
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.errors import FailureClass, Invalid, OrchestraError

DEPARTED: Final = "departed"
STOP, CONTINUE = "stop", "continue"
NOTES: Final = {
    Ending.DONE: (),
    Ending.HANDED_OFF: ("the recording ends with a hand-over to a person",),
    Ending.CUT: ("the recording ends in the middle",),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What to play, out of the settings of the agent: `data` is a folder or a file, `run` an id in it."""

    data: str
    run: str
    on_departure: str = STOP


class Recorded:
    """Plays `settings: {data, run, on_departure: stop | continue}`. Ends as done, handed_off, cut or departed."""

    def next(self, request: ModelRequest) -> ModelReply:
        """The next recorded message exactly as it was, what came in before it, and notes on departures."""
        part, played = _open(request)
        notes = tuple(_departures(played, request))
        if notes and part.on_departure == STOP:
            return ModelReply(ended=DEPARTED, notes=notes)
        if request.turn >= len(played.turns):
            return _end(played, notes)
        turn = played.turns[request.turn]
        return ModelReply(received=deepcopy(turn.received), message=deepcopy(turn.message), notes=notes)


def _open(request: ModelRequest) -> tuple[Part, Recording]:
    try:
        part = _part(request.settings)
        return part, recording(part.data, part.run)
    except (OrchestraError, OSError) as error:
        message = f"the recorded agent cannot play: {error}"
        raise ModelTrouble(FailureClass.MODEL_ERROR, message, retry=isinstance(error, OSError)) from error


def _part(settings: Mapping[str, Any]) -> Part:
    for name in ("data", "run"):
        if not isinstance(settings.get(name), str):
            raise Invalid.at(f"/settings/{name}", "a recorded agent needs this text")
    part = Part(settings["data"], settings["run"], settings.get("on_departure", STOP))
    if part.on_departure not in {STOP, CONTINUE}:
        raise Invalid.at("/settings/on_departure", f"is {STOP} or {CONTINUE}")
    return part


def _end(played: Recording, notes: tuple[str, ...]) -> ModelReply:
    received = deepcopy(played.closing)
    return ModelReply(received=received, ended=played.ending.value, notes=notes + NOTES[played.ending])


def _departures(played: Recording, request: ModelRequest) -> Iterator[str]:
    """What the results of the turn before came to here, compared with what they came to then."""
    if not 0 < request.turn <= len(played.turns):
        return
    turn, live = played.turns[request.turn - 1], results(request.messages)
    if len(live) != len(turn.results):
        yield f"turn {request.turn}: {len(turn.results)} results in the recording, {len(live)} here"
    offered = _names(request)
    for place, (then, now) in enumerate(zip(turn.results, live, strict=False)):
        if _comparable(turn, place, offered):
            name = turn.calls[place]["name"]
            for clause in departures(then, now):
                yield f"turn {request.turn}, call {place + 1} ({name}): {clause}"


def _comparable(turn: RecordedTurn, place: int, offered: frozenset[str]) -> bool:
    """Not so where nothing was asked of a backend here: no such tool, or arguments that are no JSON object."""
    call = turn.calls[place]
    if offered and call["name"] not in offered:
        return False
    try:
        return isinstance(json.loads(call["arguments"]), dict)
    except ValueError:
        return False


def _names(request: ModelRequest) -> frozenset[str]:
    return frozenset(str(tool.get("function", tool).get("name", "")) for tool in request.tools)
