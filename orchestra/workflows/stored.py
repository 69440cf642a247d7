"""A spec as canonical plain data and back: what a published version stores and what its digest covers.

Every value is written out, also the defaults of today, so that a version keeps its meaning. Lines are no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.documents.envelopes import LIMITS
from orchestra.errors import Bug, FailureClass, Invalid
from orchestra.workflows.spec import (
    Criterion,
    Each,
    Join,
    Kind,
    Limits,
    Repeat,
    Retry,
    Route,
    StepSpec,
    WorkflowSpec,
)

FORMAT: Final = 1


def dump(spec: WorkflowSpec) -> Json:
    """Plain data inside the number profile of `canonical`; equal specs give equal bytes."""
    data = {
        "format": FORMAT,
        "name": spec.name,
        "owner": spec.owner,
        "description": spec.description,
        "input_schema": spec.input_schema,
        "output": spec.output,
        "limits": _dump_limits(spec.limits),
        "priority": spec.priority,
        "object_key": spec.object_key,
        "steps": [_dump_step(step) for step in spec.steps],
    }
    return canonical.check(data, limits=LIMITS)


def load(data: Json) -> WorkflowSpec:
    """The spec again, without lines. Raises Invalid for a newer format, Bug for data that `dump` never wrote."""
    found = data.get("format") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(found, int) and found > FORMAT:
        raise Invalid(
            f"this workflow is stored in format {found}; this version reads format {FORMAT}: upgrade it"
        )
    if not isinstance(data, dict) or found != FORMAT:
        raise Bug("this is no stored workflow")
    try:
        return _load(data)
    except (KeyError, TypeError, ValueError) as error:
        raise Bug(f"a stored workflow cannot be read: {error!r}") from error


def digest(spec: WorkflowSpec) -> bytes:
    """SHA-256 (32 bytes) of the canonical bytes: the same for two files that mean the same."""
    return canonical.digest(dump(spec))


def _dump_limits(limits: Limits) -> dict[str, Any]:
    return {
        "steps": limits.steps,
        "turns": limits.turns,
        "tool_calls": limits.tool_calls,
        "repeats": limits.repeats,
        "tokens": limits.tokens,
        "cost": limits.cost,
        "wall_time": limits.wall_time,
        "payload": limits.payload,
    }


def _dump_step(step: StepSpec) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": str(step.kind),
        "description": step.description,
        "needs": list(step.needs),
        "join": str(step.join) if isinstance(step.join, Join) else step.join,
        "condition": step.condition,
        "with": step.with_,
        "sees": None if step.sees is None else list(step.sees),
        "requires": [{"check": found.check, "message": found.message} for found in step.requires],
        "ensures": [{"check": found.check, "message": found.message} for found in step.ensures],
        "timeout": step.timeout,
        "retry": _dump_retry(step.retry),
        "on_failure": step.on_failure,
        "repeat": None
        if step.repeat is None
        else {"until": step.repeat.until, "at_most": step.repeat.at_most},
        "routes": [{"when": route.when, "to": route.to} for route in step.routes],
        "each": None if step.each is None else _dump_each(step.each),
        "settings": dict(step.settings),
    }


def _dump_retry(retry: Retry) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        "first_wait": retry.first_wait,
        "factor": retry.factor,
        "longest_wait": retry.longest_wait,
        "on": sorted(str(failure) for failure in retry.on),
    }


def _dump_each(each: Each) -> dict[str, Any]:
    return {"items": each.items, "name": each.name, "at_once": each.at_once, "step": _dump_step(each.step)}


def _load(data: Mapping[str, Any]) -> WorkflowSpec:
    return WorkflowSpec(
        name=data["name"],
        owner=data["owner"],
        description=data["description"],
        input_schema=data["input_schema"],
        output=data["output"],
        limits=Limits(**{**data["limits"], "wall_time": float(data["limits"]["wall_time"])}),
        priority=data["priority"],
        object_key=data["object_key"],
        steps=tuple(_load_step(step) for step in data["steps"]),
    )


def _load_step(data: Mapping[str, Any]) -> StepSpec:
    return StepSpec(
        name=data["name"],
        kind=Kind(data["kind"]),
        description=data["description"],
        needs=tuple(data["needs"]),
        join=Join(data["join"]) if isinstance(data["join"], str) else data["join"],
        condition=data["condition"],
        with_=data["with"],
        sees=None if data["sees"] is None else tuple(data["sees"]),
        requires=tuple(Criterion(**found) for found in data["requires"]),
        ensures=tuple(Criterion(**found) for found in data["ensures"]),
        timeout=None if data["timeout"] is None else float(data["timeout"]),
        retry=_load_retry(data["retry"]),
        on_failure=data["on_failure"],
        repeat=None if data["repeat"] is None else Repeat(**data["repeat"]),
        routes=tuple(Route(**route) for route in data["routes"]),
        each=None if data["each"] is None else _load_each(data["each"]),
        settings=data["settings"],
    )


def _load_retry(data: Mapping[str, Any]) -> Retry:
    return Retry(
        attempts=data["attempts"],
        first_wait=float(data["first_wait"]),
        factor=float(data["factor"]),
        longest_wait=float(data["longest_wait"]),
        on=frozenset(FailureClass(name) for name in data["on"]),
    )


def _load_each(data: Mapping[str, Any]) -> Each:
    return Each(data["items"], data["name"], _load_step(data["step"]), data["at_once"])
