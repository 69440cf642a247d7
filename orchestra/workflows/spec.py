"""A workflow as plain data: what a published version means, after parsing.

Owns the shapes only; reading YAML is `parse`, deciding what may run next is `graph`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from orchestra.errors import FailureClass


class Kind(StrEnum):
    """What a step does. The engine has one module for each."""

    PYTHON = "python"
    TOOL = "tool"
    AGENT = "agent"
    HUMAN = "human"
    ROUTE = "route"
    WAIT = "wait"
    EACH = "each"
    RUN = "run"


class Join(StrEnum):
    """When a step with several needs may start (a number means: that many succeeded)."""

    ALL = "all"
    ANY = "any"
    FIRST = "first"


#: `on_failure` is one of these two words, or the name of the step that takes over.
ESCALATE = "escalate"
CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One entry or exit criterion: a CEL condition and what to say when it fails."""

    check: str
    message: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a failed step is tried again. Waits are in seconds, with full jitter."""

    attempts: int = 1
    first_wait: float = 1.0
    factor: float = 2.0
    longest_wait: float = 300.0
    on: frozenset[FailureClass] = frozenset(
        {
            FailureClass.TOOL_ERROR,
            FailureClass.TOOL_TIMEOUT,
            FailureClass.MODEL_ERROR,
            FailureClass.LOST_WORKER,
        }
    )


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do the step again until the condition holds, at most so many rounds."""

    until: str
    at_most: int


@dataclass(frozen=True, slots=True)
class Each:
    """Fan out: one inner step for each item of a list."""

    items: Any
    name: str
    step: StepSpec
    at_once: int = 20


@dataclass(frozen=True, slots=True)
class Route:
    """One case of a route step: the first whose condition holds chooses the step that goes on."""

    when: str | None
    to: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One node of the graph.

    `with_` holds the inputs (templates: whole-value lookups keep their type), `settings` what only this
    kind knows (for example `function` of a python step, `form` of a human step), both plain JSON data.
    `line` is where the file says it: no part of what the step means, so it is neither compared nor stored.
    """

    name: str
    kind: Kind
    line: int = field(default=0, compare=False)
    description: str = ""
    needs: tuple[str, ...] = ()
    join: Join | int = Join.ALL
    condition: str | None = None
    with_: Any = None
    sees: tuple[str, ...] | None = None
    requires: tuple[Criterion, ...] = ()
    ensures: tuple[Criterion, ...] = ()
    timeout: float | None = None
    retry: Retry = Retry()
    on_failure: str = ESCALATE
    repeat: Repeat | None = None
    routes: tuple[Route, ...] = ()
    each: Each | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. `repeats`: so often an agent may do the same with the same result. `wall_time` in seconds, `payload` in bytes of one stored value, `cost` as `5.00 USD`."""

    steps: int = 1_000
    turns: int = 200
    tool_calls: int = 500
    repeats: int = 5
    tokens: int | None = None
    cost: str | None = None
    wall_time: float = 30 * 86_400.0
    payload: int = 262_144


@dataclass(frozen=True)
class WorkflowSpec:
    """A whole workflow. Steps are in the order of the file; `owner` is the group that is asked when it fails."""

    name: str
    owner: str
    steps: tuple[StepSpec, ...]
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    output: Any = None
    limits: Limits = Limits()
    priority: int = 0
    object_key: str | None = None

    @cached_property
    def by_name(self) -> Mapping[str, StepSpec]:
        """The steps by their names."""
        return {step.name: step for step in self.steps}
