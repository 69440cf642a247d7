"""What a call's tool wants to be read before judging, and again before sending: the observed state, the witness.

Plans the readings and puts them together; whoever calls it does them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from orchestra import canonical, expressions
from orchestra.canonical import Json
from orchestra.errors import Invalid
from orchestra.tools import templates
from orchestra.tools.declarations import Declaration, Observation
from orchestra.tools.templates import ARGUMENTS

MOST: Final = 50


class Wanted(NamedTuple):
    """One reading: a tool and its arguments."""

    tool: str
    arguments: Json


#: Does some readings, which do not depend on each other, and gives their results in order.
#: None stands for what the system says it does not have; a reading without an answer raises.
Reader: TypeAlias = Callable[[Sequence[Wanted]], Sequence[Json]]


def observe(declaration: Declaration, arguments: Json, read: Reader) -> dict[str, Json]:
    """The observed state by name; {} for a tool that observes nothing.

    What hangs on something that is not there is None too. Raises Invalid past 50 readings, and what `read` raises.
    """
    observed: dict[str, Json] = {}
    for observation in declaration.observe:
        scope: dict[str, Json] = {ARGUMENTS: arguments, "observed": observed}
        observed[observation.name] = _one(observation, scope, read)
    return observed


def witness(observed: Mapping[str, Json]) -> bytes:
    """The canonical bytes of the observed state: equal if and only if nothing that counts has changed."""
    return canonical.encode(dict(observed))


def _one(observation: Observation, scope: Mapping[str, Json], read: Reader) -> Json:
    if observation.each is None:
        wanted = _wanted(observation, scope)
        return None if wanted is None else _kept(observation, read([wanted])[0])
    items = _found(observation.each, scope)
    if not isinstance(items, list):
        return None
    distinct: dict[bytes, tuple[Wanted, str]] = {}
    for item in items:
        inside = {**scope, "item": item}
        if (wanted := _wanted(observation, inside)) is not None:
            distinct.setdefault(canonical.encode(wanted.arguments), (wanted, _name(observation, inside)))
    if len(distinct) > MOST:
        raise Invalid(f"{observation.name} takes {len(distinct)} readings; at most {MOST} are made")
    found = read([wanted for wanted, _ in distinct.values()]) if distinct else []
    results = [_kept(observation, result) for result in found]
    if observation.by is None:
        return results
    named = {name: result for (_, name), result in zip(distinct.values(), results, strict=True)}
    if len(named) < len(results):
        raise Invalid(f"{observation.name} has two readings of one name; nothing can be judged by that")
    return named


def _wanted(observation: Observation, scope: Mapping[str, Json]) -> Wanted | None:
    """The reading, or None when it hangs on something that is not there."""
    try:
        return Wanted(observation.tool, templates.fill(observation.with_, scope))
    except expressions.ExpressionError:
        return None


def _name(observation: Observation, scope: Mapping[str, Json]) -> str:
    name = _found(observation.by, scope) if observation.by else None
    return name if isinstance(name, str) else canonical.encode(name).decode()


def _found(way: str, scope: Mapping[str, Json]) -> Json:
    try:
        return expressions.resolve(way, scope)
    except expressions.ExpressionError:
        return None


def _kept(observation: Observation, result: Json) -> Json:
    if not observation.only or not isinstance(result, dict):
        return result
    return {name: value for name, value in result.items() if name in observation.only}
