"""Notices agents that go in circles: the same calls with the same results, alone or in a longer period.

A fault that is tried again is no loop: what the system could not answer is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestra import canonical
from orchestra.engine import answers
from orchestra.engine.case import Case
from orchestra.engine.limits import LimitReached
from orchestra.errors import FailureClass
from orchestra.models import ToolCall

#: Circles of more calls than this are left to the limits.
LONGEST: Final = 6
FAULTS: Final = frozenset({str(FailureClass.TOOL_ERROR), str(FailureClass.TOOL_TIMEOUT)})


def check(case: Case) -> None:
    """Raise LimitReached when the agent has gone round the same circle as often as its run allows."""
    most = int(case.flight.run.limits.get("repeats") or 0)
    if not most:
        return
    period = circle([_mark(call) for call in case.talk.latest().values() if _counts(call)], most)
    if period is not None:
        words = "one call" if period == 1 else f"{period} calls"
        message = f"The agent has done the same {words} {most} times with the same result."
        raise LimitReached("repeats", message, FailureClass.LOOP)


def circle(marks: Sequence[bytes], most: int) -> int | None:
    """The length of the shortest circle that the sequence ends with, gone round `most` times; None without one."""
    for period in range(1, LONGEST + 1):
        end = list(marks[-period * most :])
        if len(end) == period * most and end == end[:period] * most:
            return period
    return None


def _counts(call: ToolCall) -> bool:
    """Whether a call says anything about progress."""
    return call.failure_class not in FAULTS


def _mark(call: ToolCall) -> bytes:
    """The same for equal tools, arguments and results."""
    return canonical.digest([call.tool_name, call.arguments, answers.words(call)])
