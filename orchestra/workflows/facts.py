"""Finds steps that can never start: what must have happened before them contradicts itself.

Sound, not complete: it speaks only where no run at all could start the step. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestra.workflows import graph
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, StepSpec, WorkflowSpec


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two outcomes of one earlier step that a step would need both; each in words."""

    step: str
    source: str
    first: str
    second: str


_Facts = Mapping[str, str]
_SUCCEEDS, _FAILS = "succeeds", "fails"


def contradictions(spec: WorkflowSpec) -> tuple[Contradiction, ...]:
    """The steps that never start, first ones only: what follows such a step is not named again."""
    held: dict[str, _Facts] = {}
    found: list[Contradiction] = []
    entering: dict[str, list[graph.Edge]] = {}
    for edge in graph.edges(spec.steps):
        if edge.kind != "need":
            entering.setdefault(edge.target, []).append(edge)
    for node in graph.index(spec).nodes:
        step = spec.by_name[node.name]
        groups = [*_needed(spec, step, held), *_triggered(spec, entering.get(step.name, []), held)]
        merged: dict[str, str] = {}
        clash = _merge(merged, groups)
        held[step.name] = {} if clash else merged
        if clash is not None:
            found.append(Contradiction(step.name, *clash))
    return tuple(found)


def _merge(merged: dict[str, str], groups: Sequence[_Facts]) -> tuple[str, str, str] | None:
    for group in groups:
        for key, value in group.items():
            if merged.setdefault(key, value) != value:
                source, _, _ = key.partition(">")
                return source, merged[key], value
    return None


def _needed(spec: WorkflowSpec, step: StepSpec, held: Mapping[str, _Facts]) -> list[_Facts]:
    """`all` needs what each need needs; any other join only what all of them have in common."""
    each = [_outcome(spec.by_name[need], held) for need in step.needs]
    if step.join is Join.ALL or step.join == len(each):
        return each
    return [_common(each)] if each else []


def _outcome(need: StepSpec, held: Mapping[str, _Facts]) -> _Facts:
    """What is known when the need is settled well. A success is worth a note only where a failure leads on."""
    if need.on_failure in (CONTINUE, ESCALATE):
        return held[need.name]
    return {**held[need.name], need.name: _SUCCEEDS}


def _triggered(spec: WorkflowSpec, edges: Sequence[graph.Edge], held: Mapping[str, _Facts]) -> list[_Facts]:
    """One of these arrows begins the step, so it only needs what all of them have in common."""
    each = [_begun(spec.by_name[edge.source], edge, held) for edge in edges]
    return [_common(each)] if each else []


def _begun(source: StepSpec, edge: graph.Edge, held: Mapping[str, _Facts]) -> _Facts:
    if edge.kind == "failure":
        return {**held[source.name], source.name: _FAILS}
    return {**_outcome(source, held), f"{source.name}>": f"chooses {edge.target}"}


def _common(each: Sequence[_Facts]) -> _Facts:
    first, *others = each
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
