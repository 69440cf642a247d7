"""The conversations of a run's agents as plain text: what they heard and said, what they wanted, what they were told.

What others wrote is shown with every character that one cannot see as its code point. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestra.engine import answers, history
from orchestra.engine.history import Talk
from orchestra.models import Run, Step, Turn
from orchestra.tools.sentences import visible


def lines(run: Run) -> Iterator[str]:
    """Each agent step with its turns, and each tool step with its calls."""
    told = history.load(run)
    used = {turn.step_id for turn in told.turns} | {call.step_id for call in told.calls}
    for step in Step.objects.filter(run=run, pk__in=used).order_by("pk"):
        yield str(step)
        talk = told.of(step)
        for turn in talk.turns:
            yield from _turn(talk, turn)
        if not talk.turns:
            yield from _calls(talk, history.NO_TURN)


def _turn(talk: Talk, turn: Turn) -> Iterator[str]:
    for message in turn.received:
        yield _entry(str(message["role"]), str(message["content"]))
    said = talk.history.said(turn)
    if said is not None and said.words:
        yield _entry("agent", said.words)
    yield from _calls(talk, turn.number)
    for note in turn.notes:
        yield _entry("note", str(note))
    if turn.ended or turn.error:
        yield _entry("end", turn.ended or turn.error)


def _calls(talk: Talk, number: int) -> Iterator[str]:
    """Every call that was wanted, and what the agent is told of it."""
    wanted = [f"{asked.name} {asked.arguments}" for asked in talk.wanted(number)]
    for spot, call in talk.latest().items():
        if spot.turn == number:
            yield _entry("wants", wanted[spot.ordinal] if wanted else call.tool_name)
            yield _entry(call.state.replace("_", " "), answers.words(call) if history.settled(call) else "")


def _entry(who: str, text: str) -> str:
    return f"  {who:<18}  {visible(text)}".rstrip()
