"""Model adapters of tests: they say what cannot be written into a definition, and remember what they are told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from orchestra.contracts import ModelReply, ModelRequest

#: What is said, by the name in `settings.saying`: one thing after the other, then nothing more.
SAYINGS: dict[str, list[Any]] = {}
#: What each was asked.
ASKED: defaultdict[str, list[ModelRequest]] = defaultdict(list)


class Odd:
    """Says a message, gives back a reply, calls a function or raises an error: whatever comes next in its saying."""

    def next(self, request: ModelRequest) -> Any:
        """The next thing, however often it was asked before."""
        name = str(request.settings["saying"])
        ASKED[name].append(request)
        place = len(ASKED[name]) - 1
        if place >= len(SAYINGS[name]):
            return ModelReply(ended="done")
        return _said(SAYINGS[name][place], request)


def _said(thing: Any, request: ModelRequest) -> Any:
    if isinstance(thing, BaseException):
        raise thing
    if callable(thing):
        return thing(request)
    return thing if isinstance(thing, ModelReply) else ModelReply(message=thing)


def words(name: str) -> list[str]:
    """What the agent was told of its calls, in the question that came last."""
    return [str(each["content"]) for each in ASKED[name][-1].messages if each["role"] == "tool"]
