"""How each kind of step begins. One function for each kind; none of them touches the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from orchestra.canonical import Json
from orchestra.engine import questions, scope, settling
from orchestra.engine.flight import Child, Failure, Flight, Job, Node, Work
from orchestra.errors import Bug, FailureClass, Invalid
from orchestra.models import Run
from orchestra.workflows.spec import Kind, StepSpec

Scope = Mapping[str, Any]


def start(flight: Flight, node: Node) -> None:
    """Begin a step, or settle it at once: skipped by its condition, failed by an entry criterion."""
    if _one_too_many(flight, node):
        return
    step = scope.inner(flight, node)
    names = scope.scope(flight, node)
    try:
        if step.condition is not None and not scope.holds(step.condition, names):
            node.go("skipped", "its condition does not hold", finished_at=Now())
            return
        missing = scope.unmet(step.requires, names)
        if missing:
            settling.fail(flight, node, Failure(FailureClass.PRECONDITION, "Missing: " + "; ".join(missing)))
            return
        node.attempt += 1
        BEGIN[step.kind](flight, node, step, names)
    except Invalid as error:
        settling.fail(flight, node, Failure(FailureClass.DATA_MISMATCH, error.message))


def _one_too_many(flight: Flight, node: Node) -> bool:
    """A new step beyond the run's limit is not begun; the owner is asked instead."""
    if node.row is not None or node.hops:
        return False
    most = int(flight.run.limits["steps"])
    if sum(1 for known in flight.nodes.values() if known.row is not None or known.hops) < most:
        return False
    if not flight.escalated():
        failure = Failure(FailureClass.LIMIT, f"The run reached its limit of {most} steps.")
        questions.escalate_run(flight, "steps", failure)
    return True


def _python(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    """Short steps are written once, at their end; after a crash they are written down before they begin."""
    if node.row is not None or flight.run.takeovers:
        _write_down(flight, node, step)
    _hand_over(flight, node, str(step.settings["function"]), scope.resolve(step.with_, names))


def _tool(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    node.input = scope.resolve(step.with_, names)
    _write_down(flight, node, step)
    _hand_over(flight, node, str(step.settings["tool"]), node.input)


def _human(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    node.input = scope.resolve(step.with_, names)
    questions.form(flight, node, step, scope.resolve(step.settings["title"], names))
    node.go("waiting", "a person is asked", input=node.input, started_at=Now())


def _route(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    for route in step.routes:
        if route.when is None or scope.holds(route.when, names):
            settling.settle(node, {"to": route.to}, f"goes to {route.to}")
            return
    raise Invalid(f"{step.name}: no route holds and there is no other way.")


def _wait(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    until = (
        flight.clock() + timedelta(seconds=float(step.settings["for"])) if "for" in step.settings else None
    )
    if until is None:
        until = _moment(scope.resolve(step.settings["until"], names))
    node.go("waiting", f"until {until.isoformat(timespec='seconds')}", waits_until=until, started_at=Now())


def _each(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    items = scope.resolve(step.each.items, names) if step.each is not None else None
    if not isinstance(items, list):
        raise Invalid(f"{step.name}: `items` wants a list.")
    node.input = items
    node.go("running", f"{len(items)} items", input=items, started_at=Now())


def _run(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    node.input = scope.resolve(step.with_, names)
    child = Run(
        task_id=flight.run.task_id, priority=flight.run.priority, state="queued", input=node.input or {}
    )
    child.workflow_name = str(step.settings["workflow"])  # type: ignore[attr-defined]
    flight.starts.append(Child(child, node))
    node.deadline = flight.clock() + timedelta(seconds=step.timeout) if step.timeout is not None else None
    node.go(
        "waiting", "a child run is started", input=node.input, started_at=Now(), deadline_at=node.deadline
    )


def _agent(flight: Flight, node: Node, step: StepSpec, names: Scope) -> None:
    raise Invalid(f"{step.name}: no agent adapter is installed, so an agent step cannot begin.")


BEGIN: Mapping[Kind, Callable[[Flight, Node, StepSpec, Scope], None]] = {
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


def write_down(flight: Flight, node: Node) -> None:
    """Show a step that has been at work for a while as running."""
    _write_down(flight, node, scope.inner(flight, node))


def _gather(flight: Flight, node: Node, items: list[Node]) -> None:
    failed = [item for item in items if item.phase == "failed"]
    if failed and settling.on_failure(flight, node) != "continue":
        message = f"{len(failed)} of {len(items)} items failed, first item {failed[0].item}."
        settling.give_up(node, Failure(FailureClass.TOOL_ERROR, message))
        return
    settling.succeed(flight, node, [item.output for item in items], f"all {len(items)} items are settled")


def _write_down(flight: Flight, node: Node, step: StepSpec) -> None:
    node.go("running", f"attempt {node.attempt}", input=node.input, started_at=Now())


def _hand_over(flight: Flight, node: Node, name: str, arguments: Json) -> None:
    node.phase = "running"
    work = Work(
        flight.run.pk,
        str(flight.run.uid),
        flight.run.fence,
        node.key,
        str(scope.inner(flight, node).kind),
        name,
        arguments,
    )
    flight.at_work[node.key] = Job(work, time.monotonic())
    flight.begin.append(work)


def _moment(value: Json) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid(f"`until` wants a time such as 2030-01-31T12:00:00Z, not {value!r}.") from None
    if found.tzinfo is None:
        raise Invalid(f"`until` wants a time with its zone, not {value!r}.")
    return found
