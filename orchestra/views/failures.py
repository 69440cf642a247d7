"""Each failure class in words: what it means, and what somebody can do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from orchestra.errors import FailureClass


class Meaning(NamedTuple):
    """What happened, and what can be done."""

    happened: str
    advice: str


MEANINGS: Final[Mapping[str, Meaning]] = {
    FailureClass.TOOL_ERROR: Meaning(
        "A system that was asked could not do it.", "Try again later; if it stays so, tell whoever runs that system."
    ),
    FailureClass.TOOL_TIMEOUT: Meaning(
        "A system gave no answer in time.", "Try again when that system answers again."
    ),
    FailureClass.TOOL_REFUSED: Meaning(
        "A system said no.", "Look at what it said: the request has to change before it can work."
    ),
    FailureClass.POLICY_BLOCK: Meaning(
        "The rules, or a reviewer, did not allow it.", "Ask for something else, or ask who decides here."
    ),
    FailureClass.GRANT_BLOCK: Meaning(
        "The agent may not use that tool here.", "An administrator can grant the tool to the agent."
    ),
    FailureClass.MODEL_ERROR: Meaning("The model could not be reached.", "Try again later."),
    FailureClass.MODEL_REFUSAL: Meaning(
        "The model did not want to answer.", "Ask in other words, or let a person do it."
    ),
    FailureClass.MODEL_GARBAGE: Meaning(
        "The model gave nothing that could be used.", "Try again, or let a person do it."
    ),
    FailureClass.DATA_MISMATCH: Meaning(
        "What came out is not what was agreed on.", "Check the input; if it is right, tell the workflow's owner."
    ),
    FailureClass.PRECONDITION: Meaning(
        "Something that has to hold first did not hold.", "Mend what the message names, then try again."
    ),
    FailureClass.LIMIT: Meaning("A limit was reached.", "Ask for less at once, or ask an operator to raise the limit."),
    FailureClass.LOOP: Meaning(
        "The agent went in circles and was stopped.", "Ask in other words, or let a person do it."
    ),
    FailureClass.HALTED: Meaning("A halt was on.", "Wait until the halt is lifted, then try again."),
    FailureClass.CANCELLED: Meaning("Somebody called it off.", "Nothing has to be done."),
    FailureClass.LOST_WORKER: Meaning(
        "The machine that worked on it was lost.", "An operator has to look at what was under way before it is tried again."
    ),
    FailureClass.BUG: Meaning(
        "Something broke on our side.", "Tell an operator the id of the run: they find the cause in the logs."
    ),
}  # fmt: skip


def meaning(failure: str) -> Meaning | None:
    """The words for a class; None for what is none."""
    return MEANINGS.get(failure)
