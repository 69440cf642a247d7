"""The scripted agent, for tests and examples: says what its script says, fails when told to, loops if asked.
Talks to no model and keeps no state of a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from orchestra.agents.trouble import ModelTrouble
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.errors import FailureClass

#: What a line may hold: say and call make the message (or `message` is it, valid or not); the others stand alone.
Line: TypeAlias = Mapping[str, Any]
Script: TypeAlias = Sequence[Line] | Callable[[ModelRequest], Line | ModelReply]

DONE: Final = "done"


class Scripted:
    """Plays lines, or asks a function for the next one. Without either it plays `settings.script`.

    A line: {say: text}, {call: tool, with: {...}}, {calls: [{call, with}, ...]}, {message: anything at all},
    {fail: model_error | model_refusal | model_garbage, text, retry}, {end: how}; with {customer: text} what
    came in first. A raw assistant message (with `role`) is a line too. `settings.forever` starts over at the
    end of the script, which makes a runaway; else the end is `done`.
    """

    def __init__(self, script: Script | None = None, *, forever: bool = False) -> None:
        self.script = script
        self.forever = forever

    def next(self, request: ModelRequest) -> ModelReply:
        """The reply of this turn; raises ModelTrouble where the script says so."""
        script = self.script if self.script is not None else request.settings.get("script", ())
        if callable(script):
            made = script(request)
            return made if isinstance(made, ModelReply) else _reply(made, request.turn)
        place = request.turn
        if script and (self.forever or request.settings.get("forever")):
            place %= len(script)
        return _reply(script[place], request.turn) if place < len(script) else ModelReply(ended=DONE)


def _reply(line: Line, turn: int) -> ModelReply:
    received = ({"role": "user", "content": line["customer"]},) if "customer" in line else ()
    if "fail" in line:
        text = line.get("text", f"the script fails in turn {turn + 1}")
        raise ModelTrouble(FailureClass(line["fail"]), text, retry=bool(line.get("retry")))
    if "end" in line:
        return ModelReply(received=received, ended=line["end"], notes=tuple(line.get("notes", ())))
    return ModelReply(received=received, message=_message(line, turn), **_usage(line))


def _usage(line: Line) -> dict[str, Any]:
    return {
        name: line[name]
        for name in ("input_tokens", "output_tokens", "cost", "currency", "notes")
        if name in line
    }


def _message(line: Line, turn: int) -> Any:
    if "message" in line or "role" in line:
        return line.get("message", line)
    calls = line.get("calls", [line] if "call" in line else [])
    message = {"role": "assistant", "content": line.get("say")}
    return message | ({"tool_calls": [_call(call, turn, n) for n, call in enumerate(calls)]} if calls else {})


def _call(call: Line, turn: int, ordinal: int) -> Mapping[str, Any]:
    """`with` as a text is sent as it stands, so that a script can write arguments that are no JSON."""
    given = call.get("with", {})
    arguments = given if isinstance(given, str) else json.dumps(given)
    function = {"name": call["call"], "arguments": arguments}
    return {"id": f"call_{turn}_{ordinal}", "type": "function", "function": function}
