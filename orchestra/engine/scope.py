"""What expressions and lookups of a step can see, and their evaluation on a flight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestra import expressions
from orchestra.canonical import Json
from orchestra.engine.flight import Flight, Key, Node, Slot
from orchestra.models import Step
from orchestra.workflows.spec import Criterion, Kind, StepSpec

Scope = dict[str, Any]
#: Of one question to a model, where the step says nothing (seconds).
MODEL_TIMEOUT = 600.0


def scope(flight: Flight, node: Node | None = None) -> Scope:
    """Names that a step's expressions can use: input, steps, run and, inside an `each`, the item."""
    names: Scope = {"input": flight.run.input, "steps": _steps(flight), "run": _run(flight)}
    if node is not None and node.item != Step.NO_ITEM:
        names |= _item(flight, node)
    return names


def holds(condition: str, names: Mapping[str, Any]) -> bool:
    """Whether a CEL condition is true. Raises Invalid when it cannot be evaluated or is no boolean."""
    return expressions.compile(condition, variables=frozenset(names)).holds(names)


def unmet(criteria: Iterable[Criterion], names: Mapping[str, Any]) -> list[str]:
    """The messages of the criteria that do not hold."""
    return [criterion.message for criterion in criteria if not holds(criterion.check, names)]


def resolve(template: Json, names: Mapping[str, Any]) -> Json:
    """Fill a template. Raises Invalid naming what is missing."""
    return expressions.resolve(template, names)


def inner(flight: Flight, node: Node) -> StepSpec:
    """The spec that a node follows: for an item, the inner step of its `each`."""
    return spec_for(flight, node.key)


def timeout(flight: Flight, slot: Slot) -> float | None:
    """How long the work at a slot may take (seconds). What is done for a call keeps the times of its tool."""
    step = spec_for(flight, slot[:2])
    if slot[2]:
        return None
    return MODEL_TIMEOUT if step.timeout is None and step.kind is Kind.AGENT else step.timeout


def spec_for(flight: Flight, key: Key) -> StepSpec:
    """The same, by path and item index."""
    step = flight.spec.by_name[key[0].partition("~")[0]]
    if key[1] != Step.NO_ITEM and step.each is not None:
        return step.each.step
    return step


def _steps(flight: Flight) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in flight.nodes.values():
        if node.item == Step.NO_ITEM and node.settled:
            found[node.name] = {"output": node.output, "state": node.phase}
    return found


def _run(flight: Flight) -> dict[str, Any]:
    return {"id": str(flight.run.uid), "environment": flight.run.deployment.environment.name}


def _item(flight: Flight, node: Node) -> Scope:
    step = flight.spec.by_name[node.name]
    parent = flight.nodes[(node.path, Step.NO_ITEM)]
    if step.each is None or not isinstance(parent.input, list):
        return {}
    return {step.each.name: parent.input[node.item], "index": node.item}
