"""Turns a document of the right shape into a spec: fills in defaults, reads durations, sizes and money.

Steps that the report already calls wrong are left out, so that the others can still be checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from orchestra.documents import quantities
from orchestra.documents.report import Place, Report
from orchestra.errors import FailureClass
from orchestra.workflows.spec import (
    ESCALATE,
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

T = TypeVar("T")
Body = Mapping[str, Any]

#: An answer of any shape; a person who is only asked to confirm fills in nothing.
ANY_OBJECT: Final[Body] = {"type": "object"}


def workflow(report: Report) -> WorkflowSpec:
    """The spec of what is sound in the document; it means something only while the report is empty."""
    spec = report.envelope.spec
    body: Body = spec if isinstance(spec, dict) else {}
    sound = {name: value for name, value in body.items() if not report.wrong("spec", name)}
    return WorkflowSpec(
        name=report.envelope.name,
        owner=sound.get("owner", ""),
        steps=_steps(report, body, sound.get("owner", "")),
        description=sound.get("description", ""),
        input_schema=sound.get("input", ANY_OBJECT),
        output=sound.get("output"),
        limits=_limits(report, sound.get("limits", {})),
        priority=sound.get("priority", 0),
        object_key=sound.get("object"),
    )


def _steps(report: Report, body: Body, owner: str) -> tuple[StepSpec, ...]:
    given = body.get("steps")
    bodies: Body = given if isinstance(given, dict) else {}
    return tuple(
        _step(report, name, step, ("spec", "steps", name), owner)
        for name, step in bodies.items()
        if not report.wrong("spec", "steps", name)
    )


def _limits(report: Report, body: Body) -> Limits:
    at: Place = ("spec", "limits")
    usual = Limits()
    return Limits(
        steps=body.get("steps", usual.steps),
        turns=body.get("turns", usual.turns),
        tool_calls=body.get("tool_calls", usual.tool_calls),
        repeats=body.get("repeats", usual.repeats),
        tokens=body.get("tokens"),
        cost=_read(report, quantities.money, body, at, "cost", None),
        wall_time=_read(report, quantities.seconds, body, at, "wall_time", usual.wall_time),
        payload=_read(report, quantities.size, body, at, "payload", usual.payload),
    )


def _read(
    report: Report, reader: Callable[[str], T], body: Body, at: Place, name: str, usual: T | None
) -> Any:
    """A quantity of the document; what cannot be read goes to the report, and the default stands in."""
    if name not in body:
        return usual
    try:
        return reader(body[name])
    except ValueError as error:
        report.add(str(error), *at, name)
        return usual


def _step(report: Report, name: str, body: Body, at: Place, owner: str) -> StepSpec:
    kind = Kind(body["kind"])
    return StepSpec(
        name=name,
        kind=kind,
        line=report.envelope.line_of(*at),
        description=body.get("description", ""),
        needs=_list(body.get("needs", [])),
        join=Join(body["join"]) if isinstance(body.get("join"), str) else body.get("join", Join.ALL),
        condition=body.get("if"),
        with_=body.get("with"),
        sees=tuple(body["sees"]) if "sees" in body else None,
        requires=_criteria(report, body, (*at, "requires")),
        ensures=_criteria(report, body, (*at, "ensures")),
        timeout=_read(report, quantities.seconds, body, at, "timeout", None),
        retry=_retry(report, body.get("retry", {}), (*at, "retry")),
        on_failure=body.get("on_failure", ESCALATE),
        repeat=Repeat(**body["repeat"]) if "repeat" in body else None,
        routes=_routes(report, body, (*at, "routes")),
        each=_each(report, name, body, at, owner) if kind is Kind.EACH else None,
        settings=_settings(report, kind, body, at, owner),
    )


def _list(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _criteria(report: Report, body: Body, at: Place) -> tuple[Criterion, ...]:
    """A criterion that is only an expression says itself when it fails."""
    found = []
    for place, given in enumerate(body.get(str(at[-1]), [])):
        check, message = (given, given) if isinstance(given, str) else (given["check"], given["message"])
        found.append(Criterion(check, message, report.envelope.line_of(*at, place)))
    return tuple(found)


def _retry(report: Report, body: Body, at: Place) -> Retry:
    usual = Retry()
    return Retry(
        attempts=body.get("attempts", usual.attempts),
        first_wait=_read(report, quantities.seconds, body, at, "first_wait", usual.first_wait),
        factor=float(body.get("factor", usual.factor)),
        longest_wait=_read(report, quantities.seconds, body, at, "longest_wait", usual.longest_wait),
        on=frozenset(FailureClass(name) for name in body["on"]) if "on" in body else usual.on,
    )


def _routes(report: Report, body: Body, at: Place) -> tuple[Route, ...]:
    return tuple(
        Route(given.get("when"), given["to"], report.envelope.line_of(*at, place))
        for place, given in enumerate(body.get("routes", []))
    )


def _each(report: Report, name: str, body: Body, at: Place, owner: str) -> Each:
    return Each(
        items=body["items"],
        name=body.get("as", "item"),
        step=_step(report, name, body["step"], (*at, "step"), owner),
        at_once=body.get("at_once", 20),
    )


def _settings(report: Report, kind: Kind, body: Body, at: Place, owner: str) -> Body:
    if kind is Kind.HUMAN:
        return {
            "group": body.get("group", owner),
            "title": body["title"],
            "form": body.get("form", ANY_OBJECT),
        }
    if kind is Kind.WAIT:
        return _wait(report, body, at)
    names = {
        Kind.PYTHON: ("function",),
        Kind.TOOL: ("tool",),
        Kind.AGENT: ("agent", "tools", "settings"),
        Kind.RUN: ("workflow",),
    }
    return {name: body[name] for name in names.get(kind, ()) if name in body}


def _wait(report: Report, body: Body, at: Place) -> Body:
    if ("for" in body) == ("until" in body):
        report.add("a wait step has either `for` (a duration) or `until` (a lookup of a time)", *at)
    if "until" in body:
        return {"until": body["until"]}
    return {"for": _read(report, quantities.seconds, body, at, "for", None)}
