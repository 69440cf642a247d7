"""The conversations of a run's agents: what they heard and said, what they wanted, what they were told. Reads only.

What others wrote is shown with every character that one cannot see as its code point; what a tool hides is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestra import canonical
from orchestra.engine import answers, history
from orchestra.engine.history import NO_TURN, History, Talk
from orchestra.models import Run, Step, ToolCall, Turn
from orchestra.runs import masks
from orchestra.runs.parts import LONG, Part, part
from orchestra.tools.sentences import visible


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said: by whom, of what kind (heard, said, wants, told, note, end), in which words.

    `call` is the call that it is about, as far as there is one.
    """

    who: str
    kind: str
    text: str
    call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of an agent, or the calls of a step without one."""

    step: str
    turn: Turn | None
    lines: Sequence[Line]


def whole(run: Run) -> Iterator[Exchange]:
    """Everything, step by step: each agent step with its turns, and each tool step with its calls."""
    told = history.load(run)
    used = {turn.step_id for turn in told.turns} | {call.step_id for call in told.calls}
    for step in Step.objects.filter(run=run, pk__in=used).order_by("pk"):
        talk = told.of(step)
        for turn in talk.turns:
            yield Exchange(str(step), turn, list(_turn(talk, turn)))
        if not talk.turns:
            yield Exchange(str(step), None, list(_calls(talk, NO_TURN)))


def exchanges(run: Run, *, after: int = 0) -> Part[Exchange]:
    """The turns of its agents behind one (by id), in the order of their coming."""
    rows = Turn.objects.filter(run=run, pk__gt=after).select_related("agent_version__agent", "step")
    found = part(list(rows.order_by("pk")[: LONG + 1]), LONG, lambda turn: turn.pk)
    calls = ToolCall.objects.filter(turn__in=[turn.pk for turn in found.rows])
    told = History(
        list(found.rows), list(calls.select_related("question", "edited_by", "turn").order_by("pk"))
    )
    return found.each(lambda turn: Exchange(str(turn.step), turn, list(_turn(told.of(turn.step), turn))))


def _turn(talk: Talk, turn: Turn) -> Iterator[Line]:
    for message in turn.received:
        yield Line(visible(str(message["role"])), "heard", visible(str(message["content"])))
    said = talk.history.said(turn)
    if said is not None and said.words:
        yield Line("agent", "said", visible(said.words))
    yield from _calls(talk, turn.number)
    for note in turn.notes:
        yield Line("note", "note", visible(str(note)))
    if turn.ended or turn.error:
        yield Line("end", "end", visible(turn.ended or turn.error))


def _calls(talk: Talk, number: int) -> Iterator[Line]:
    """Every call that was wanted, and what the agent is told of it."""
    wanted = talk.wanted(number)
    for spot, call in talk.latest().items():
        if spot.turn != number:
            continue
        asked = wanted[spot.ordinal] if wanted else None
        name = call.tool_name if asked is None else asked.name
        given = "" if asked is None else _text(call, asked.arguments)
        yield Line("wants", "wants", visible(f"{name} {given}".rstrip()), call)
        told = answers.words(masks.masked(call)) if history.settled(call) else ""
        yield Line(call.state.replace("_", " "), "told", visible(told), call)


def _text(call: ToolCall, written: str) -> str:
    kept = masks.arguments(call, written)
    return kept if isinstance(kept, str) else canonical.encode(kept).decode()
