"""What a run's steps have done with tools so far: turns of agents and calls, as they are written down.

Reads inside the caller's transaction. Refuses to decide anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orchestra import canonical
from orchestra.agents import messages
from orchestra.agents.messages import Asked, Said
from orchestra.canonical import Json
from orchestra.models import Run, Step, ToolCall, Turn
from orchestra.policies.origins import PERSON, REQUESTER, TOOL, Seen
from orchestra.states import TOOLCALL

#: So often a call is proposed anew because something changed, before that is the answer to the agent.
MOST_REVISIONS: Final = 10
#: A call in one of these states took effect.
EFFECTIVE: Final = frozenset({"succeeded", "settled_done"})
#: A call in one of these states was authorised.
PASSED: Final = EFFECTIVE | {"approved", "dispatched", "failed", "unknown"}
#: The number of the turn of a call that no agent makes.
NO_TURN = -1


class Place(NamedTuple):
    """Where a call stands: its turn (-1 for a tool step) and its place in it, both from 0. Revisions share one."""

    turn: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.turn}.{self.ordinal}"


@dataclass(slots=True)
class History:
    """Turns and calls of a run, each in its order."""

    turns: list[Turn] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    _said: dict[int, Said] = field(default_factory=dict)

    def of(self, step: Step) -> Talk:
        """What one step has done."""
        return Talk(self, step)

    def said(self, turn: Turn) -> Said | None:
        """The message of a turn, read again; None for a turn without one."""
        if turn.message is None:
            return None
        if turn.pk not in self._said:
            self._said[turn.pk] = messages.said(turn.message)
        return self._said[turn.pk]

    def heard(self, turn: Turn, said: Said) -> None:
        """Keep the message of a new turn as the model wrote it; what is stored may lack what cannot be stored."""
        self._said[turn.pk] = said

    def add(self, row: Turn | ToolCall) -> None:
        """Take note of what was just written."""
        if isinstance(row, Turn):
            self.turns.append(row)
        else:
            self.calls.append(row)


@dataclass(frozen=True, slots=True)
class Talk:
    """The turns and calls of one step."""

    history: History
    step: Step

    @property
    def turns(self) -> list[Turn]:
        """In their order."""
        return [turn for turn in self.history.turns if turn.step_id == self.step.pk]

    @property
    def calls(self) -> list[ToolCall]:
        """In the order of their rows."""
        return [call for call in self.history.calls if call.step_id == self.step.pk]

    @property
    def asked(self) -> int:
        """How often the model gave a message."""
        return sum(turn.message is not None for turn in self.turns)

    def latest(self) -> dict[Place, ToolCall]:
        """The newest revision at each place, in order."""
        ordered = sorted(self.calls, key=lambda call: (*place(call), call.revision))
        return {place(call): call for call in ordered}

    def places(self) -> list[Place]:
        """The places of the last turn; of a tool step, the one of its last attempt."""
        if not self.turns:
            return list(self.latest())[-1:]
        last = self.turns[-1].number
        return [Place(last, ordinal) for ordinal in range(len(self.wanted(last)))]

    def turn(self, number: int) -> Turn | None:
        """The turn of that number."""
        return next((turn for turn in self.turns if turn.number == number), None)

    def wanted(self, number: int) -> tuple[Asked, ...]:
        """The calls that the model wanted in a turn."""
        turn = self.turn(number)
        said = self.history.said(turn) if turn is not None else None
        return said.calls if said is not None else ()


def load(run: Run) -> History:
    """Everything that the run's steps have done with tools."""
    turns = list(Turn.objects.filter(run=run).select_related("agent_version__agent").order_by("pk"))
    by_id = {turn.pk: turn for turn in turns}
    calls = list(ToolCall.objects.filter(run=run).select_related("edited_by").order_by("pk"))
    known = {call.pk: call for call in calls}
    for call in calls:
        call.run = run
        call.parent = known.get(call.parent_id or 0)
        if call.turn_id is not None:
            call.turn = by_id[call.turn_id]
    return History(turns, calls)


def place(call: ToolCall) -> Place:
    """Where the call stands."""
    return Place(call.turn.number if call.turn is not None else NO_TURN, call.ordinal)


def settled(call: ToolCall) -> bool:
    """Whether nothing will come of this call any more, and no other takes its place."""
    return call.state in TOOLCALL.terminal - {"stale", "superseded"}


def same(first: ToolCall, tool: str, arguments: Json) -> bool:
    """Whether a call is of this tool with these arguments."""
    return first.tool_name == tool and canonical.encode(first.arguments) == canonical.encode(arguments)


def origins(payload: Json, turns: Iterable[Turn], calls: Iterable[ToolCall]) -> Seen:
    """Who has said what in the run so far, for the provenance of arguments."""
    seen = Seen()
    seen.add(REQUESTER, payload)
    for turn in turns:
        for message in turn.received:
            seen.add(REQUESTER if message["role"] == "user" else TOOL, message["content"])
    for call in calls:
        if call.edited_by_id is not None and call.state in PASSED and call.parent is not None:
            seen.add(PERSON, changes(call.parent.arguments, call.arguments))
        if call.state == "succeeded":
            seen.add(TOOL, call.result)
    return seen


def changes(before: Json, after: Json) -> Json:
    """The arguments that are other than before."""
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    return {name: value for name, value in new.items() if name not in old or old[name] != value}


def heard(turns: Iterable[Turn]) -> Iterator[str]:
    """The words of those whom the agent serves, in their order."""
    for turn in turns:
        yield from (message["content"] for message in turn.received if message["role"] == "user")
