"""What the schema of the format cannot say: names, arrows, joins, routes, and that every edge has an end.

Adds every problem to the report, each with its line. Expressions and schemas are `scopes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchestra.documents.report import Place, Report, listed, near
from orchestra.errors import Invalid
from orchestra.workflows import graph
from orchestra.workflows.ends import ends
from orchestra.workflows.facts import contradictions
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, StepSpec, WorkflowSpec

#: Words that CEL keeps for itself: `steps.return.output` cannot be written.
CEL_WORDS: Final = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip
RESERVED_STEPS: Final = frozenset({ESCALATE, CONTINUE}) | CEL_WORDS
RESERVED_ITEMS: Final = frozenset({"steps", "input", "run", "output", "index"}) | CEL_WORDS


@dataclass(frozen=True, slots=True)
class Known:
    """The names that exist where the workflow is to be published; None means that they are not checked here."""

    functions: frozenset[str] | None = None
    tools: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    workflows: frozenset[str] | None = None


def run(spec: WorkflowSpec, report: Report, known: Known) -> None:
    """All checks of names and arrows; `spec` holds the steps whose shape is sound."""
    everyone = frozenset(_written(report)) | frozenset(spec.by_name)
    for step in spec.steps:
        _names(step, report)
        _arrows(step, everyone, report)
        _join(step, report)
        _routes(step, report)
    _taking_over(spec, report)
    _known(spec, report, known)
    path = graph.cycle(spec.steps)
    if path:
        report.add(f"the steps wait for each other: {' -> '.join(path)}", "spec", "steps", path[0])
    if not report.problems:
        _reach(spec, report)
        _ends(spec, report)


def _written(report: Report) -> Iterator[str]:
    """Names of all steps of the document, also of those that are wrong in themselves."""
    spec = report.envelope.spec
    steps = spec.get("steps") if isinstance(spec, dict) else None
    yield from steps if isinstance(steps, dict) else ()


def _at(step: StepSpec, *below: str | int) -> Place:
    return ("spec", "steps", step.name, *below)


def _names(step: StepSpec, report: Report) -> None:
    if step.name in RESERVED_STEPS:
        report.add(f"{step.name!r} is a word of the language and cannot be the name of a step", *_at(step))
    if step.each is not None and step.each.name in RESERVED_ITEMS:
        told = listed(sorted(RESERVED_ITEMS - CEL_WORDS))
        said = f"{step.each.name!r} cannot be the name of an item; {told} and the words of CEL are taken"
        report.add(said, *_at(step, "as"))


def _arrows(step: StepSpec, everyone: frozenset[str], report: Report) -> None:
    """Every name of another step is the name of a step."""
    named: list[tuple[str, Place]] = [(need, _at(step, "needs")) for need in step.needs]
    named += [(route.to, _at(step, "routes", place, "to")) for place, route in enumerate(step.routes)]
    if step.on_failure not in (ESCALATE, CONTINUE):
        named.append((step.on_failure, _at(step, "on_failure")))
    for name, place in named:
        if name not in everyone:
            report.add(f"there is no step {name!r}{near(name, everyone)}", *place)


def _join(step: StepSpec, report: Report) -> None:
    """A join counts needs: there must be enough of them for it to mean anything."""
    if step.join is Join.ALL:
        return
    given = len(step.needs)
    if step.join is Join.FIRST and given < 2:
        report.add(f"join: first needs at least two needs, here are {given}", *_at(step, "join"))
    elif step.join is Join.ANY and not given:
        report.add("join: any needs `needs`", *_at(step, "join"))
    elif not isinstance(step.join, Join) and step.join > given:
        report.add(f"join: {step.join} can never be reached with {given} needs", *_at(step, "join"))


def _routes(step: StepSpec, report: Report) -> None:
    """The last case, and only that, is the otherwise."""
    for place, route in enumerate(step.routes):
        last = place == len(step.routes) - 1
        if last and route.when is not None:
            said = (
                "the last case must have no `when`: it is taken when no other holds (every edge has an end)"
            )
            report.add(said, *_at(step, "routes", place))
        if not last and route.when is None:
            said = "a case without `when` is always taken, so nothing reaches the cases after it; put it last"
            report.add(said, *_at(step, "routes", place))


def _taking_over(spec: WorkflowSpec, report: Report) -> None:
    """A step that takes over begins with a failure; needs of its own could keep it from doing so."""
    called: dict[str, str] = {}
    for step in spec.steps:
        called.setdefault(step.on_failure, step.name)
    for step in spec.steps:
        if step.name in called and step.needs:
            said = f"it takes over when {called[step.name]} fails, so it cannot have needs of its own"
            report.add(said, *_at(step, "needs"))


def _known(spec: WorkflowSpec, report: Report, known: Known) -> None:
    if spec.owner:
        _one(report, "group", spec.owner, known.groups, ("spec", "owner"))
    for step in spec.steps:
        _known_step(step, report, known, _at(step), spec.owner)
        if step.each is not None:
            _known_step(step.each.step, report, known, _at(step, "step"), spec.owner)
        inside = step.each.step if step.each is not None else step
        if inside.settings.get("workflow") == spec.name:
            report.add("a workflow cannot run itself: nothing would end it", *_at(step))


def _known_step(step: StepSpec, report: Report, known: Known, at: Place, owner: str) -> None:
    found = step.settings
    for what, names in (
        ("function", known.functions),
        ("tool", known.tools),
        ("agent", known.agents),
        ("workflow", known.workflows),
        ("group", known.groups),
    ):
        if what in found and not (what == "group" and found[what] == owner):
            _one(report, what, found[what], names, (*at, what))
    for place, tool in enumerate(found.get("tools", ())):
        _one(report, "tool", tool, known.tools, (*at, "tools", place))


def _one(report: Report, what: str, name: str, names: frozenset[str] | None, at: Place) -> None:
    if names is not None and name not in names:
        report.add(f"there is no {what} {name!r}{near(name, names)}; known: {listed(sorted(names))}", *at)


def _reach(spec: WorkflowSpec, report: Report) -> None:
    for found in contradictions(spec):
        hint = "; to go on after either, use join: any" if spec.by_name[found.step].needs else ""
        said = f"it can never start: in no run {found.source} both {found.first} and {found.second}"
        report.add(said + hint, *_at(spec.by_name[found.step]))


def _ends(spec: WorkflowSpec, report: Report) -> None:
    try:
        ends(spec)
    except Invalid as refusal:
        for problem in refusal.problems:
            report.add(problem.message, *problem.pointer.split("/")[1:])
