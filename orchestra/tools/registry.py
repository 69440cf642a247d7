"""Tools that are Python functions of this process, called at once and without a ruling: they only read.

Refuses tools that write: those are published, and their calls pass the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestra import schemas
from orchestra.errors import Bug, NotFound

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A registered tool: its effect, the JSON Schema of its arguments, and the function that does it."""

    name: str
    effect: str
    arguments: Mapping[str, Any]
    call: Call


_known: dict[str, Tool] = {}


def tool(name: str, *, arguments: Mapping[str, Any], effect: str = "read") -> Callable[[Call], Call]:
    """Register a reading tool. Its function takes the arguments as keywords and returns JSON data."""
    if effect != "read":
        raise Bug(f"Tool {name}: only reading tools may be registered as functions.")
    schemas.compile(arguments)

    def register(made: Call) -> Call:
        if name in _known and _known[name].call is not made:
            raise Bug(f"Two tools are registered as {name}.")
        _known[name] = Tool(name=name, effect=effect, arguments=arguments, call=made)
        return made

    return register


def find(name: str) -> Tool:
    """The tool of that name. Raises NotFound."""
    if name not in _known:
        raise NotFound(f"No tool is registered as {name}. Is its module in ORCHESTRA_STEP_FUNCTIONS?")
    return _known[name]


def names() -> frozenset[str]:
    """All registered names."""
    return frozenset(_known)
