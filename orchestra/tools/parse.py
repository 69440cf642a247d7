"""From a document to a checked declaration: shape, defaults and meaning, all problems at once, each with its line.

Refuses to publish or to store: that is `publishing`. Undeclared means destructive and opaque.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestra.contracts import Delivery, Effect, Outcome
from orchestra.documents import quantities
from orchestra.documents.envelopes import Envelope, envelopes, refuse
from orchestra.documents.report import Report, Shape
from orchestra.tools import checks, schema
from orchestra.tools.declarations import (
    MARGIN,
    TIMEOUT,
    Declaration,
    Observation,
    Probe,
    RequestForm,
    Use,
    least_tier,
)

KIND: Final = "tool"
Body = Mapping[str, Any]
_SHAPE: Final = Shape(schema.tool(), hints=schema.HINTS)


def parse(text: str) -> list[Declaration]:
    """Every tool of a file that holds nothing else; tools may name each other. Raises Invalid with every problem."""
    found = envelopes(text)
    known = effects(found)
    return [tool(envelope, known=known) for envelope in found]


def effects(found: Iterable[Envelope]) -> dict[str, Effect]:
    """What the tools of a file do, as far as it can be told before they are checked."""
    known: dict[str, Effect] = {}
    for envelope in found:
        if envelope.kind == KIND:
            given = envelope.spec.get("effect") if isinstance(envelope.spec, dict) else None
            known[envelope.name] = Effect.READ if given == Effect.READ else Effect.DESTRUCTIVE
    return known


def tool(envelope: Envelope, *, known: Mapping[str, Effect] | None = None) -> Declaration:
    """The tool of one document. `known` are the tools it may name; None: they are not checked.

    Raises Invalid with every problem found.
    """
    if envelope.kind != KIND:
        refuse([envelope.problem(f"kind is {envelope.kind!r}; a tool is expected here", "kind")])
    report = Report(envelope)
    _SHAPE.check(report)
    if not report.problems:  # what is out of shape would only be blamed twice
        made = _declaration(report)
        checks.run(made, report, known)
    if report.problems:
        refuse(report.problems)
    return made


def _declaration(report: Report) -> Declaration:
    spec = report.envelope.spec
    body: Body = spec if isinstance(spec, dict) else {}
    effect = Effect(body.get("effect", Effect.DESTRUCTIVE))
    usual = Delivery.IDEMPOTENT if effect is Effect.READ else Delivery.OPAQUE
    delivery = Delivery(body.get("delivery", usual))
    key: Body = body.get("key", {})
    timeout = _seconds(report, body, "timeout") or TIMEOUT
    return Declaration(
        name=report.envelope.name,
        description=body["description"],
        arguments=body["arguments"],
        request=_request(body["request"]),
        effect=effect,
        delivery=delivery,
        tier=body.get("tier", least_tier(effect, delivery)),
        sentence=body.get("sentence", ""),
        key_header=key.get("header", ""),
        key_life=_seconds(report, key, "life", "key"),
        replies={status: Outcome(outcome) for status, outcome in body.get("replies", {}).items()},
        observe=tuple(_observation(found) for found in body.get("observe", ())),
        lookup=_probe(body["lookup"]) if "lookup" in body else None,
        reverse=_use(body, "reverse"),
        preview=_use(body, "preview"),
        hands_off=body.get("hands_off", False),
        identifies=body.get("identifies", False),
        object=body.get("object"),
        timeout=timeout,
        quiet_period=_seconds(report, body, "quiet") or timeout + MARGIN,
        redact=tuple(body.get("redact", ())),
    )


def _request(body: Body) -> RequestForm:
    return RequestForm(
        method=body["method"],
        path=body["path"],
        query=body.get("query", {}),
        headers=body.get("headers", {}),
        body=body.get("body"),
    )


def _observation(body: Body) -> Observation:
    return Observation(
        body["name"],
        body["tool"],
        body["with"],
        body.get("each"),
        body.get("by"),
        tuple(body.get("only", ())),
    )


def _probe(body: Body) -> Probe:
    usual = Probe("")
    return Probe(
        path=body["path"],
        method=body.get("method", usual.method),
        found=tuple(body.get("found", usual.found)),
        absent=tuple(body.get("absent", usual.absent)),
    )


def _use(body: Body, name: str) -> Use | None:
    return Use(body[name]["tool"], body[name]["with"]) if name in body else None


def _seconds(report: Report, body: Body, name: str, *inside: str) -> float | None:
    if name not in body:
        return None
    try:
        return quantities.seconds(body[name])
    except ValueError as error:
        report.add(str(error), "spec", *inside, name)
        return None
