"""The conversation that led to a call, in plain text: what the agent heard and said, wanted, and was told. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orchestra.canonical import Json
from orchestra.engine import answers, history
from orchestra.engine.history import Talk
from orchestra.models import Proposal, ToolCall, Turn
from orchestra.tools import redaction, toolbox
from reviews.proposal import facts
from reviews.proposal.marks import Piece, pieces

LONGEST: Final = 4_000
#: Whose words they are.
WHO: Final = {"user": "requester", "system": "instructions", "assistant": "agent"}


@dataclass(frozen=True, slots=True)
class Saying:
    """One part. `kind` is heard, said, wanted or told; `here` marks the call that is decided on; `more`: left out."""

    kind: str
    who: str
    text: Sequence[Piece]
    more: int = 0
    state: str = ""
    here: bool = False


def of(proposal: Proposal) -> list[Saying]:
    """All of the step, in its order."""
    call = proposal.toolcall
    told = history.load(call.run)
    talk = told.of(call.step)
    if not talk.turns:
        return list(_calls(proposal, talk, history.NO_TURN))
    return [saying for turn in talk.turns for saying in _turn(proposal, talk, turn)]


def _turn(proposal: Proposal, talk: Talk, turn: Turn) -> Iterator[Saying]:
    for message in turn.received:
        role = str(message["role"])
        yield _saying("heard", WHO.get(role, role), str(message["content"]))
    said = talk.history.said(turn)
    if said is not None and said.words:
        yield _saying("said", "agent", said.words)
    yield from _calls(proposal, talk, turn.number)
    if turn.error:
        yield _saying("told", "model", turn.error)


def _calls(proposal: Proposal, talk: Talk, number: int) -> Iterator[Saying]:
    """What was wanted, and what came of it. Where something is not to be shown, arguments without it."""
    wanted = [f"{asked.name} {asked.arguments}" for asked in talk.wanted(number)]
    for spot, call in talk.latest().items():
        if spot.turn != number:
            continue
        here = call.pk == proposal.toolcall_id
        text = wanted[spot.ordinal] if wanted and not _hidden(proposal, call) else _asked(proposal, call)
        yield _saying("wanted", "agent", text, state=call.state, here=here)
        if history.settled(call):
            yield _saying("told", call.tool_name, _answer(proposal, call))


def _hidden(proposal: Proposal, call: ToolCall) -> list[str]:
    """Paths of what is not shown of a call: by its own tool; of the one at hand and its like, by the rules too."""
    own = toolbox.declared(call.tool_version_id).redact if call.tool_version_id is not None else ()
    same = call.tool_name == proposal.toolcall.tool_name
    return [*own, *(facts.hidden(proposal) if same else ())]


def _asked(proposal: Proposal, call: ToolCall) -> str:
    shown: Json = redaction.masked({"args": call.arguments}, _hidden(proposal, call))["args"]
    return f"{call.tool_name} {answers.as_text(shown)}"


def _answer(proposal: Proposal, call: ToolCall) -> str:
    """What the agent was told; a result without what is not to be shown."""
    hidden = _hidden(proposal, call)
    if not hidden:
        return answers.words(call)
    if call.state == "succeeded":
        return answers.as_text(redaction.masked({"result": call.result}, hidden)["result"])
    return call.error or call.state.replace("_", " ")


def _saying(kind: str, who: str, text: str, *, state: str = "", here: bool = False) -> Saying:
    cut = text[:LONGEST]
    return Saying(kind, who, pieces(cut, lines=True), len(text) - len(cut), state.replace("_", " "), here)
