"""Reads what a model said: its words and the calls that it wants. Pure.

Refuses what is no message of a chat. Keeps calls that make no sense: they are refused one by one, later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestra import canonical
from orchestra.agents.trouble import ModelTrouble
from orchestra.canonical import Json, Limits
from orchestra.errors import FailureClass, Invalid

LARGEST: Final = Limits(size=1024 * 1024)
MOST_CALLS: Final = 200
LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a model wants, as it wrote it: name and arguments are its own text.

    `broken`: the text holds what cannot be kept, so that what is kept is not what was written.
    """

    id: str
    name: str
    arguments: str
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One message of an assistant: words, calls in order, and the form in which it is kept."""

    words: str
    calls: tuple[Asked, ...]
    kept: Mapping[str, Json]


def said(message: object) -> Said:
    """The message that a model gave. Raises ModelTrouble (garbage) for what is none."""
    if not isinstance(message, Mapping) or message.get("role", "assistant") != "assistant":
        raise _garbage("it is no message of an assistant")
    words = _words(message.get("content"))
    given = message.get("tool_calls") or []
    if not isinstance(given, list) or len(given) > MOST_CALLS:
        raise _garbage(f"its calls are no list of at most {MOST_CALLS}")
    calls = tuple(_asked(each, place) for place, each in enumerate(given))
    kept: dict[str, Json] = {"role": "assistant", "content": storable(words)}
    if calls:
        kept["tool_calls"] = [_kept(call) for call in calls]
    return Said(words, calls, _small_enough(kept))


def received(messages: Iterable[object]) -> list[Json]:
    """What came in from outside, as it is kept: role and words. Raises ModelTrouble for what is no message."""
    found: list[Json] = []
    for message in messages:
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise _garbage("what came in before it is no message of a chat")
        found.append({"role": storable(message["role"]), "content": storable(_words(message.get("content")))})
    _small_enough(found)
    return found


def storable(text: str) -> str:
    """What PostgreSQL can keep as text: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _words(content: object) -> str:
    """The text of a content: none, a text, or a list of parts of which the texts count."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise _garbage("its content is neither a text nor a list of parts")
    texts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _asked(call: object, place: int) -> Asked:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise _garbage(f"call {place + 1} names no function")
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str) or not name or not isinstance(arguments, str | Mapping):
        raise _garbage(f"call {place + 1} has no name, or arguments that are no text")
    text = arguments if isinstance(arguments, str) else _text(arguments, place)
    given = call.get("id")
    found = storable(given) if isinstance(given, str) and given else f"call_{place}"
    broken = call.get("broken") is True or storable(text) != text or storable(name) != name
    return Asked(found, name, text, broken)


def _text(arguments: Mapping[Any, Any], place: int) -> str:
    try:
        return canonical.encode(dict(arguments)).decode()
    except Invalid as error:
        raise _garbage(f"the arguments of call {place + 1} are no JSON: {error.message}") from None


def _kept(call: Asked) -> Json:
    function: dict[str, Json] = {
        "name": storable(call.name)[:LONGEST_NAME],
        "arguments": storable(call.arguments),
    }
    kept: dict[str, Json] = {"id": call.id, "type": "function", "function": function}
    return kept | ({"broken": True} if call.broken else {})


def _small_enough(value: Any) -> Any:
    try:
        return canonical.check(value, limits=LARGEST)
    except Invalid as error:
        raise _garbage(f"it cannot be kept: {error.message}") from None


def _garbage(why: str) -> ModelTrouble:
    return ModelTrouble(FailureClass.MODEL_GARBAGE, f"The model's answer cannot be used: {why}.")
