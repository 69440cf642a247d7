"""How a task stands, in words for who asked for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "queued": "Waits for a worker",
    "running": "At work",
    "waiting": "Waits",
    "escalated": "Waits for a person",
    "succeeded": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
#: A sentence for each end; what is open is told by `orchestra.runs.why`.
ENDS: Final[Mapping[str, str]] = {
    "succeeded": "It has ended as intended.",
    "failed": "It has ended without its result.",
    "cancelled": "It was cancelled; nothing more is done.",
}


def standing(state: str, *, halted: bool = False, asks: bool = False) -> str:
    """The words for a task whose newest attempt is in this state; `asks`: it waits for people."""
    if state in ENDS:
        return WORDS[state]
    if halted:
        return "Halted"
    return "Waits for a person" if state == "waiting" and asks else WORDS[state]
