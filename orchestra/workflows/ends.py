"""Proves that every edge has an end: failure, timeout, denial and limit of each step lead on or to people.

Owns the proof and its sentence for each step, which docs and pages show. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestra.documents import quantities
from orchestra.errors import Invalid, Problem
from orchestra.workflows.spec import CONTINUE, ESCALATE, Kind, StepSpec, WorkflowSpec

#: How a step of each kind can go wrong, besides its criteria.
_CAUSES: Final[Mapping[Kind, str]] = {
    Kind.PYTHON: "an error in the function",
    Kind.TOOL: "an error of the tool or a denial",
    Kind.AGENT: "an error of the model or a tool, or a denial",
    Kind.HUMAN: "an answer that cannot be had",
    Kind.ROUTE: "a condition that cannot be evaluated",
    Kind.WAIT: "a time that cannot be read",
    Kind.EACH: "an item that fails",
    Kind.RUN: "a child run that does not succeed",
}
_ENDLESS: Final = (
    "nothing catches a failure of {}: it needs an owner who is asked, `continue`, "
    "or a step that takes over and has an end itself"
)


def ends(spec: WorkflowSpec) -> Mapping[str, str]:
    """One sentence for each step: where its failures end. Raises Invalid for steps without an end."""
    found = {step.name: _end(spec, step) for step in spec.steps}
    endless = [
        Problem(f"/spec/steps/{step.name}", _ENDLESS.format(step.name), step.line or None)
        for step in spec.steps
        if found[step.name] is None
    ]
    if endless:
        raise Invalid.of(endless)
    return {step.name: _sentence(spec, step, str(found[step.name])) for step in spec.steps}


def _end(spec: WorkflowSpec, step: StepSpec) -> str | None:
    """Where a failure of the step goes; None when it goes in a circle, to no step, or to nobody."""
    taking_over: dict[str, None] = {}
    at = step
    while at.on_failure not in (CONTINUE, ESCALATE):
        after = spec.by_name.get(at.on_failure)
        if after is None or after.name in taking_over:
            return None
        taking_over[after.name] = None
        at = after
    last = "the run goes on without its output" if at.on_failure == CONTINUE else _ask(spec)
    if last is None or not taking_over:
        return last
    names = list(taking_over)
    then = f" (then {', '.join(names[1:4])}{' and more' if names[4:] else ''})" if names[1:] else ""
    return f"{names[0]} takes over{then}; should that fail too, {last}"


def _ask(spec: WorkflowSpec) -> str | None:
    return f"the run stops and {spec.owner} is asked" if spec.owner else None


def _sentence(spec: WorkflowSpec, step: StepSpec, end: str) -> str:
    causes = [_CAUSES[step.kind], *_more_causes(step)]
    limit = f"A limit of the run stops it and asks {spec.owner}."
    return f"After {', '.join(causes[:-1])}{' or ' if causes[1:] else ''}{causes[-1]}, {end}. {limit}"


def _more_causes(step: StepSpec) -> list[str]:
    found: list[str] = []
    if step.retry.attempts > 1:
        found.append(f"{step.retry.attempts} attempts in vain")
    if step.requires or step.ensures:
        found.append("a criterion that does not hold")
    if step.repeat:
        found.append(f"{step.repeat.at_most} rounds without success")
    if step.timeout is not None:
        found.append(f"a timeout of {quantities.spoken(step.timeout)}")
    return found
