"""Turns a document of the right shape into rules and cases: fills in defaults, reads durations.

Refuses to check meaning: that is `checks`. What is wrong in itself is left out and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra.contracts import Action, Delivery, Effect, Requirements, Verdict
from orchestra.documents import quantities
from orchestra.documents.report import Place, Report
from orchestra.policies import requirements
from orchestra.policies.document import Case, Document, Expectation, Rule
from orchestra.policies.vocabulary import OF_CONTEXT

_DURATIONS: Final = ("expires_in", "remind_after", "grace")


def document(report: Report) -> Document:
    """The document, without what the report says is wrong."""
    envelope = report.envelope
    spec: Mapping[str, Any] = envelope.spec if isinstance(envelope.spec, dict) else {}
    return Document(
        name=envelope.name,
        description=str(spec.get("description", "")).strip(),
        rules=tuple(_rule(body, report, at) for body, at in _sound(spec, "rules", report)),
        cases=tuple(_case(body, report, at) for body, at in _sound(spec, "tests", report)),
    )


def _sound(spec: Mapping[str, Any], name: str, report: Report) -> list[tuple[Mapping[str, Any], Place]]:
    """The entries of a list that are right so far, each with its place."""
    entries = spec.get(name)
    places = [
        (body, ("spec", name, number))
        for number, body in enumerate(entries if isinstance(entries, list) else [])
    ]
    return [(body, at) for body, at in places if not report.wrong(*at)]


def _rule(body: Mapping[str, Any], report: Report, at: Place) -> Rule:
    return Rule(
        id=body["id"],
        tools=tuple(body["tools"]),
        verdict=Verdict(body["verdict"]),
        message=body["message"].strip(),
        effects=frozenset(Effect(name) for name in body.get("effects", ())),
        when=body["when"].strip() if "when" in body else None,
        requires=_requires(body.get("requires", {}), report, (*at, "requires")),
        line=report.envelope.line_of(*at),
        number=int(at[-1]),
    )


def _requires(body: Mapping[str, Any], report: Report, at: Place) -> Requirements:
    given: dict[str, Any] = dict(body)
    for name in _DURATIONS:
        if name in body:
            given[name] = _seconds(body[name], report, (*at, name))
    for name in ("groups", "redact"):
        given[name] = frozenset(body.get(name, ()))
    given["stages"] = frozenset({tuple(body["stages"])} if "stages" in body else ())
    given["escalate_to"] = frozenset({body["escalate_to"]} if "escalate_to" in body else ())
    if "sample" in body:
        given["sample"] = float(body["sample"])
    return Requirements(**given)


def _seconds(text: str, report: Report, at: Place) -> float:
    try:
        return quantities.seconds(text)
    except ValueError as error:
        report.add(str(error), *at)
        return quantities.LONGEST


def _case(body: Mapping[str, Any], report: Report, at: Place) -> Case:
    given, wanted = body["action"], body["expect"]
    return Case(
        name=body["name"],
        action=_action(given),
        expect=Expectation(
            verdict=Verdict(wanted["verdict"]),
            rules=frozenset(wanted["rules"]) if "rules" in wanted else None,
            requires=_wanted(wanted["requires"], report, (*at, "expect", "requires"))
            if "requires" in wanted
            else None,
            errors=wanted.get("errors", 0),
        ),
        line=report.envelope.line_of(*at),
        number=int(at[-1]),
    )


def _action(given: Mapping[str, Any]) -> Action:
    return Action(
        tool=given["tool"],
        effect=Effect(given.get("effect", Effect.DESTRUCTIVE)),
        delivery=Delivery(given.get("delivery", Delivery.OPAQUE)),
        tier=given.get("tier", 1),
        arguments=given.get("args", {}),
        granted=given.get("granted", True),
        known=given.get("known", True),
        context={name: given[name] for name in OF_CONTEXT if name in given},
    )


def _wanted(body: Mapping[str, Any], report: Report, at: Place) -> dict[str, Any]:
    """Only what the test names, in the form in which a judgement is compared with it."""
    written = requirements.written(_requires(body, report, at))
    return {name: written[name] for name in body}
