"""The border to models: one question, one reply. Owns the protocol and the loading of adapters by name.
Refuses to know any model library: an adapter is a dotted path, loaded once when a worker starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Final, Protocol, cast

from orchestra.agents.recorded import Recorded
from orchestra.agents.scripted import Scripted
from orchestra.agents.trouble import ModelTrouble
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.errors import Invalid

__all__ = ["Adapter", "ModelTrouble", "load"]


class Adapter(Protocol):
    """Talks to one kind of model. Called by many threads at once, off the database; holds no run's state."""

    def next(self, request: ModelRequest) -> ModelReply:
        """The reply to one question; raises ModelTrouble when there is none."""
        ...


SHORT: Final[Mapping[str, Callable[[], Adapter]]] = {"recorded": Recorded, "scripted": Scripted}


@cache
def load(dotted: str) -> Adapter:
    """The adapter of a short name (recorded, scripted) or of a dotted path `package.module.Name`.

    The path leads to an adapter, or to a class that is made without arguments. The same name gives the same
    adapter. Raises Invalid when there is none.
    """
    if (made := SHORT.get(dotted)) is not None:
        return made()
    found = _find(dotted)
    adapter = _make(dotted, found) if isinstance(found, type) else found
    if not callable(getattr(adapter, "next", None)):
        raise Invalid(f"{dotted} is no model adapter: it needs a method next(request)")
    return cast("Adapter", adapter)


def _make(dotted: str, found: type) -> object:
    try:
        return found()
    except TypeError as error:
        raise Invalid(f"the model adapter {dotted} cannot be made without arguments: {error}") from error


def _find(dotted: str) -> object:
    module, _, name = dotted.rpartition(".")
    if not module:
        known = ", ".join(sorted(SHORT))
        raise Invalid(f"no model adapter is called {dotted!r}; known are {known}, or give a dotted path")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise Invalid(f"the model adapter {dotted} cannot be loaded: {error}") from error
