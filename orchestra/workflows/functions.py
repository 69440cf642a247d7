"""The functions that python steps may call: registered by name, pure, without credentials.

Refuses a name that is taken. A function takes the step's `with` as keyword arguments and returns JSON data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from orchestra.errors import Bug, NotFound

Function = Callable[..., Any]
_known: dict[str, Function] = {}


def function(name: str) -> Callable[[Function], Function]:
    """Register a function under a name such as `orders.total`."""

    def register(made: Function) -> Function:
        if _known.setdefault(name, made) is not made:
            raise Bug(f"Two functions are registered as {name}.")
        return made

    return register


def load(modules: Iterable[str]) -> None:
    """Import the modules that register functions and tools."""
    for module in modules:
        import_module(module)


def find(name: str) -> Function:
    """The function of that name. Raises NotFound."""
    if name not in _known:
        raise NotFound(f"No function is registered as {name}. Is its module in ORCHESTRA_STEP_FUNCTIONS?")
    return _known[name]


def names() -> frozenset[str]:
    """All registered names."""
    return frozenset(_known)
