"""Where a call stands in its recording: how many messages the agent had said before its own, and its place in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from orchestra.models import Run, ToolCall, Turn
from reviews.replay.parts import Place


def of_call(call: ToolCall) -> Place:
    """The place of one call."""
    said = Turn.objects.filter(run_id=call.run_id, step_id=call.step_id, message__isnull=False)
    number = call.turn.number if call.turn else 0
    return said.filter(number__lt=number).count(), call.ordinal


def ranks(run: Run) -> Mapping[int, int]:
    """For each turn of the run (by primary key) how many messages its step had before it."""
    return rank(run.turns.order_by("number").values_list("pk", "step_id", "message"))


def rank(turns: Iterable[tuple[int, int, object]]) -> Mapping[int, int]:
    """The same of rows (turn, step, message or None), sorted by number."""
    said: defaultdict[int, int] = defaultdict(int)
    found: dict[int, int] = {}
    for turn, step, message in turns:
        found[turn] = said[step]
        said[step] += message is not None
    return found
