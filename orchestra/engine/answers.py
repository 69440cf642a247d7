"""What an agent is told of a call: its result, or in words why there is none. Whatever failed begins with `Error`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine.situation import plain
from orchestra.models import ToolCall


def words(call: ToolCall) -> str:
    """The text of the tool message that answers a call."""
    text = WORDS.get(call.state, _open)(call)
    if call.edited_by_id is None:
        return text
    return f"{text}\n(A reviewer changed the arguments to {canonical.encode(call.arguments).decode()}.)"


def as_text(result: Json) -> str:
    """A result as text: a text as it is, anything else as JSON."""
    shown = plain(result)
    if shown is None:
        return ""
    return shown if isinstance(shown, str) else canonical.encode(shown).decode()


def _failed(call: ToolCall) -> str:
    return f"Error: {call.error or 'The system said no.'}"


def _said(sentence: str) -> Callable[[ToolCall], str]:
    return lambda call: f"Error: {sentence}{' ' + call.error if call.error else ''}"


def _open(call: ToolCall) -> str:
    return f"Error: This call is {call.state.replace('_', ' ')}."


WORDS: Final[Mapping[str, Callable[[ToolCall], str]]] = {
    "succeeded": lambda call: as_text(call.result),
    "failed": _failed,
    "failed_clean": _failed,
    "refused": _failed,
    "denied": _said("The rules do not allow this."),
    "rejected": _said("A reviewer rejected this; it was not done."),
    "returned": _said("A reviewer asks for changes; it was not done."),
    "expired": _said("Its time ran out, and it was not done."),
    "cancelled": _said("It was called off and not done."),
    "stale": _said("What it was based on has changed; it was not done."),
    "settled_done": lambda call: f"Done: a person found that it happened. {as_text(call.result)}".strip(),
    "settled_not_done": _said("The system gave no answer, and a person found that it did not happen."),
}
