"""Checks every expression, lookup and schema of a workflow: that it compiles, and names only what is there.

Owns what each place of the language may read. Refuses to evaluate anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from orchestra import expressions, schemas
from orchestra.documents.report import Place, Report, listed, near
from orchestra.errors import Invalid
from orchestra.expressions import ExpressionError
from orchestra.lookups import Path, written
from orchestra.readings import Reading
from orchestra.workflows import graph
from orchestra.workflows.spec import StepSpec, WorkflowSpec

#: What every step may read, and what is known of a step and of the run.
EVERYWHERE: Final = frozenset({"input", "steps", "run"})
OF_STEP: Final = frozenset({"output", "state"})
OF_RUN: Final = frozenset({"id", "environment"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What one place may read. `before` is None while it cannot be known, because some step is wrong."""

    variables: frozenset[str]
    step: str
    before: frozenset[str] | None
    everyone: frozenset[str]

    def more(self, *names: str) -> Scope:
        """The same with more names."""
        return Scope(self.variables | set(names), self.step, self.before, self.everyone)


def check(spec: WorkflowSpec, report: Report) -> None:
    """Add every expression, lookup and schema to the report that does not compile or reads what is not there."""
    written = report.envelope.spec.get("steps") if isinstance(report.envelope.spec, dict) else None
    everyone = frozenset(written if isinstance(written, dict) else ())
    complete = everyone == frozenset(spec.by_name)
    sources = graph.before(spec.steps)
    for step in spec.steps:
        earlier = graph.ancestors(sources, step.name) if complete else None
        _step(step, Scope(EVERYWHERE, step.name, earlier, everyone), report, ("spec", "steps", step.name))
    whole = Scope(EVERYWHERE, "", everyone, everyone)
    _template(spec.output, whole, report, ("spec", "output"))
    _template(
        spec.object_key, Scope(frozenset({"input"}), "", everyone, everyone), report, ("spec", "object")
    )
    _schema(spec.input_schema, report, ("spec", "input"))
    if spec.input_schema.get("type", "object") != "object":
        report.add("the input of a workflow is an object", "spec", "input", "type")


def _step(step: StepSpec, scope: Scope, report: Report, at: Place) -> None:
    """One step, and the inner step of `each` with the names it adds."""
    for text, inside, place in _conditions(step, scope):
        _expression(text, inside, report, (*at, *place))
    for name, template in _templates(step):
        _template(template, scope, report, (*at, name))
    for number, path in enumerate(step.sees or ()):
        _path(tuple(path.split(".")), scope, report, (*at, "sees", number))
    if "form" in step.settings:
        _schema(step.settings["form"], report, (*at, "form"))
    if step.each is not None:
        _step(step.each.step, scope.more(step.each.name, "index"), report, (*at, "step"))


def _conditions(step: StepSpec, scope: Scope) -> Iterator[tuple[str, Scope, Place]]:
    after = scope.more("output")
    if step.condition is not None:
        yield step.condition, scope, ("if",)
    for number, criterion in enumerate(step.requires):
        yield criterion.check, scope, ("requires", number, "check")
    for number, criterion in enumerate(step.ensures):
        yield criterion.check, after, ("ensures", number, "check")
    if step.repeat is not None:
        yield step.repeat.until, after, ("repeat", "until")
    for number, route in enumerate(step.routes):
        if route.when is not None:
            yield route.when, scope, ("routes", number, "when")


def _templates(step: StepSpec) -> Iterator[tuple[str, Any]]:
    yield "with", step.with_
    if step.each is not None:
        yield "items", step.each.items
    yield from (
        (name, step.settings[name]) for name in ("title", "until", "settings") if name in step.settings
    )


def _expression(text: str, scope: Scope, report: Report, place: Place) -> None:
    try:
        expressions.compile(text, variables=scope.variables)
    except ExpressionError as error:
        report.add(error.problems[0].message, *place, down=error.line or 0 if "\n" in text else 0)
        return
    reading = Reading(text, scope.variables)
    for path, last in reading.uses:
        if path is not None:
            down = text.count("\n", 0, reading.tokens[last].at) + 1 if "\n" in text else 0
            _path(tuple(takewhile(lambda part: part is not None, path)), scope, report, place, down=down)


def _template(template: Any, scope: Scope, report: Report, place: Place) -> None:
    """Walks to each text, so that a problem has the line of the lookup and not that of the whole."""
    below: Mapping[Any, Any] = template if isinstance(template, dict) else {}
    if isinstance(template, list):
        below = dict(enumerate(template))
    for key, value in below.items():
        if isinstance(key, str) and "{{" in key:
            report.add("a lookup stands as a value, not as a key", *place, key)
        _template(value, scope, report, (*place, key))
    if isinstance(template, str):
        _lookup(template, scope, report, place)


def _lookup(text: str, scope: Scope, report: Report, place: Place) -> None:
    try:
        ways = expressions.lookups(text)
    except ExpressionError as error:
        report.add(error.problems[0].message, *place)
        return
    for way in ways:
        _path(way.parts, scope, report, place)


def _path(parts: Path, scope: Scope, report: Report, place: Place, *, down: int = 0) -> None:
    """The first parts of a path lead somewhere; what lies in an input or output only the run will tell."""
    wrong = _wrong_path([str(part) for part in parts], scope)
    if wrong is not None:
        report.add(f"`{written(parts)[:200]}`: {wrong}", *place, down=down)


def _wrong_path(names: list[str], scope: Scope) -> str | None:
    root = names[0]
    if root not in scope.variables:
        known = listed(sorted(scope.variables))
        return f"{root!r} is not known here{near(root, scope.variables)}; known: {known}"
    if root == "run":
        return _no_member(names, 1, OF_RUN)
    if root == "steps" and len(names) < 2:
        return f"name the step, as in steps.{_any(scope)}.output"
    if root == "steps":
        return _unreadable(names[1], scope) or _no_member(names, 2, OF_STEP)
    return None


def _no_member(names: list[str], at: int, members: frozenset[str]) -> str | None:
    if len(names) <= at or names[at] in members:
        return None
    whole, name = ".".join(names[:at]), names[at]
    return f"{whole} has {' and '.join(sorted(members))}, not {name!r}{near(name, members)}"


def _unreadable(name: str, scope: Scope) -> str | None:
    """Why a step cannot be read from here."""
    if name not in scope.everyone:
        return f"there is no step {name!r}{near(name, scope.everyone)}"
    if scope.before is None or name in scope.before:
        return None
    if name == scope.step:
        return "a step cannot read itself; in `ensures` and `until` its result is `output`"
    return f"{name} does not come before {scope.step}; add it to its needs"


def _any(scope: Scope) -> str:
    return min(scope.before or scope.everyone, default="name")


def _schema(schema: Any, report: Report, place: Place) -> None:
    try:
        schemas.compile(schema)
    except Invalid as refusal:
        for problem in refusal.problems:
            report.add(problem.message, *place, *_parts(problem.pointer))


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
