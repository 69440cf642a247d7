"""How each kind of step begins. One function for each kind; none of them touches the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import questions, scope, settling
from orchestra.engine.flight import Child, Failure, Flight, Node, Work
from orchestra.errors import Bug, FailureClass, Invalid
from orchestra.models import Run
from orchestra.workflows.spec import CONTINUE, Kind, StepSpec


@dataclass(frozen=True, slots=True)
class Begin:
    """What a step that begins has at hand; `names` is what its templates and conditions can see."""

    flight: Flight
    node: Node
    step: StepSpec
    names: Mapping[str, Any]

    def resolve(self, template: Json) -> Json:
        """Fill in a template. Raises Invalid naming what is missing."""
        return scope.resolve(template, self.names)

    def keep(self, template: Json) -> Json:
        """The same for a value that is stored. Raises Invalid when it is larger than the run allows."""
        return canonical.check(self.resolve(template), limits=settling.limits(self.flight))

    def set_deadline(self) -> None:
        """From now on the step's timeout counts."""
        timeout = self.step.timeout
        self.node.deadline = None if timeout is None else self.flight.clock() + timedelta(seconds=timeout)


def start(flight: Flight, node: Node) -> None:
    """Begin a step, or settle it at once: skipped by its condition, failed by an entry criterion."""
    if _one_too_many(flight, node):
        return
    step = scope.inner(flight, node)
    names = scope.scope(flight, node)
    node.attempt += 1
    try:
        if step.condition is not None and not scope.holds(step.condition, names):
            node.attempt -= 1
            node.go("skipped", "its condition does not hold", finished_at=Now())
            return
        missing = scope.unmet(step.requires, names)
        if missing:
            settling.fail(flight, node, Failure(FailureClass.PRECONDITION, "Missing: " + "; ".join(missing)))
            return
        BEGIN[step.kind](Begin(flight, node, step, names))
    except Invalid as error:
        settling.fail(flight, node, Failure(FailureClass.DATA_MISMATCH, error.message))


def _one_too_many(flight: Flight, node: Node) -> bool:
    """What would go beyond a limit of the run is not begun; the owner is asked instead."""
    reached = _limit_reached(flight, node)
    if reached is None:
        return False
    if not flight.escalated():
        words = reached.replace("_", " ")
        message = f"The run reached its limit of {flight.run.limits[reached]} {words}."
        questions.escalate_run(flight, reached, Failure(FailureClass.LIMIT, message))
    return True


def _limit_reached(flight: Flight, node: Node) -> str | None:
    """The limit that beginning this node would break: of steps for a new one, of tool calls for each attempt."""
    nodes, limits = flight.nodes.values(), flight.run.limits
    if node.row is None and not node.hops and sum(known.begun for known in nodes) >= int(limits["steps"]):
        return "steps"
    if node.kind != Kind.TOOL or node.gated:
        return None  # calls that pass the gate are counted there
    calls = sum(known.attempt for known in nodes if known.kind == Kind.TOOL)
    return "tool_calls" if calls and calls >= int(limits["tool_calls"]) else None


def _python(it: Begin) -> None:
    """Short steps are written once, at their end; after a crash they are written down before they begin."""
    if it.node.row is not None or it.flight.run.takeovers:
        write_down(it.node)
    _hand_over(it, str(it.step.settings["function"]), it.resolve(it.step.with_))


def _tool(it: Begin) -> None:
    it.node.input = it.keep(it.step.with_)
    if it.node.gated:
        it.set_deadline()
        _to_the_gate(it)
        return
    write_down(it.node)
    _hand_over(it, str(it.step.settings["tool"]), it.node.input)


def _human(it: Begin) -> None:
    it.node.input = it.keep(it.step.with_)
    questions.form(it.flight, it.node, it.step, it.resolve(it.step.settings["title"]))
    it.node.go("waiting", "a person is asked", input=it.node.input, started_at=Now())


def _route(it: Begin) -> None:
    for route in it.step.routes:
        if route.when is None or scope.holds(route.when, it.names):
            settling.settle(it.node, {"to": route.to}, f"goes to {route.to}")
            return
    raise Invalid(f"{it.step.name}: no route holds and there is no other way.")


def _wait(it: Begin) -> None:
    if "for" in it.step.settings:
        until = it.flight.clock() + timedelta(seconds=float(it.step.settings["for"]))
    else:
        until = _moment(it.resolve(it.step.settings["until"]))
    it.node.go("waiting", f"until {until.isoformat(timespec='seconds')}", waits_until=until, started_at=Now())


def _each(it: Begin) -> None:
    items = it.keep(it.step.each.items) if it.step.each is not None else None
    if not isinstance(items, list):
        raise Invalid(f"{it.step.name}: `items` wants a list.")
    it.node.input = items
    it.set_deadline()
    it.node.go("running", f"{len(items)} items", input=items, started_at=Now(), deadline_at=it.node.deadline)


def _run(it: Begin) -> None:
    flight, node = it.flight, it.node
    node.input = {} if it.step.with_ is None else it.keep(it.step.with_)
    child = Run(task_id=flight.run.task_id, priority=flight.run.priority, state="queued", input=node.input)
    flight.starts.append(Child(child, str(it.step.settings["workflow"]), node))
    it.set_deadline()
    node.go(
        "waiting", "a child run is started", input=node.input, started_at=Now(), deadline_at=node.deadline
    )


def _agent(it: Begin) -> None:
    given = it.resolve(it.step.with_)
    if it.step.sees:
        seen = {path: it.resolve(f"{{{{ {path} }}}}") for path in it.step.sees}
        given = {"sees": seen} if given is None else {"with": given, "sees": seen}
    it.node.input = canonical.check(given, limits=settling.limits(it.flight))
    _to_the_gate(it)


def _to_the_gate(it: Begin) -> None:
    """From here on `calls` looks after the step."""
    node = it.node
    started = {"started_at": Now(), "deadline_at": node.deadline}  # of this attempt: see `calls`
    node.go("running", f"attempt {node.attempt}", input=node.input, **started)
    node.fresh = node.due = True


BEGIN: Mapping[Kind, Callable[[Begin], None]] = {
    Kind.PYTHON: _python,
    Kind.TOOL: _tool,
    Kind.HUMAN: _human,
    Kind.ROUTE: _route,
    Kind.WAIT: _wait,
    Kind.EACH: _each,
    Kind.RUN: _run,
    Kind.AGENT: _agent,
}


def fan_out(flight: Flight, node: Node) -> None:
    """Start further items of an `each`, and settle it when all of them are."""
    step = flight.spec.by_name[node.name]
    if step.each is None or not isinstance(node.input, list):
        raise Bug(f"{node.path} is no each step with a list of items")
    items = flight.items(node.path)
    under_way = sum(not item.settled for item in items)
    for index in range(len(items), min(len(node.input), len(items) + step.each.at_once - under_way)):
        start(flight, flight.node(step.each.step, node.path, index))
    items = flight.items(node.path)
    if len(items) == len(node.input) and all(item.settled for item in items):
        _gather(flight, node, items)


def write_down(node: Node) -> None:
    """Show a step as running: before work that must leave a trace, or when it has been at work for a while."""
    node.go("running", f"attempt {node.attempt}", input=node.input, started_at=node.started or Now())


def _gather(flight: Flight, node: Node, items: list[Node]) -> None:
    failed = [item for item in items if item.phase == "failed"]
    if failed and scope.inner(flight, failed[0]).on_failure != CONTINUE:
        message = f"{len(failed)} of {len(items)} items failed, first item {failed[0].item}."
        settling.give_up(node, Failure(failed[0].failure or FailureClass.BUG, message))
        return
    settling.succeed(flight, node, [item.output for item in items], f"all {len(items)} items are settled")


def _hand_over(it: Begin, name: str, arguments: Json) -> None:
    run, node = it.flight.run, it.node
    node.phase = "running"
    node.started = it.flight.clock()
    work = Work(run.pk, str(run.uid), run.fence, node.key, str(it.step.kind), name, arguments)
    it.flight.begin_work(work, node.attempt)


def _moment(value: Json) -> datetime:
    """In UTC, where it must be a time as well: another zone can lead out of the years that there are."""
    try:
        found = datetime.fromisoformat(str(value))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"`until` wants a time such as 2030-01-31T12:00:00Z, not {value!r}.") from None
    raise Invalid(f"`until` wants a time with its zone, not {value!r}.")
