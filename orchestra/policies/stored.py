"""A policy as canonical plain data and back: what a published version stores and what its digest covers.

Every value is written out, also the defaults of today, so that a version keeps its meaning. Lines are no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.contracts import Action, Delivery, Effect, Verdict
from orchestra.documents.envelopes import LIMITS
from orchestra.errors import Bug, Invalid
from orchestra.policies import requirements
from orchestra.policies.document import Case, Document, Expectation, Rule

FORMAT: Final = 1


def dump(document: Document) -> Json:
    """Plain data inside the number profile of `canonical`; equal meaning gives equal bytes."""
    data = {
        "format": FORMAT,
        "name": document.name,
        "description": document.description,
        "rules": [_dump_rule(rule) for rule in document.rules],
        "tests": [_dump_case(case) for case in document.cases],
    }
    return canonical.check(data, limits=LIMITS)


def load(data: Json, *, version: int, author: str) -> Document:
    """The document again. Raises Invalid for a newer format, Bug for data that `dump` never wrote."""
    found = data.get("format") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(found, int) and found > FORMAT:
        raise Invalid(
            f"this policy is stored in format {found}; this version reads format {FORMAT}: upgrade it"
        )
    if not isinstance(data, dict) or found != FORMAT:
        raise Bug("this is no stored policy")
    try:
        return sealed(replace(_load(data), version=version, author=author))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Bug(f"a stored policy cannot be read: {error!r}") from error


def digest(document: Document) -> bytes:
    """SHA-256 (32 bytes) of the canonical bytes: the same for two files that mean the same."""
    return canonical.digest(dump(document))


def sealed(document: Document) -> Document:
    """The document with its own digest."""
    return replace(document, digest=digest(document).hex())


def _dump_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "tools": list(rule.tools),
        "effects": sorted(str(effect) for effect in rule.effects),
        "when": rule.when,
        "verdict": str(rule.verdict),
        "message": rule.message,
        "requires": requirements.written(rule.requires),
    }


def _dump_case(case: Case) -> dict[str, Any]:
    action, expect = case.action, case.expect
    return {
        "name": case.name,
        "action": {
            "tool": action.tool,
            "effect": str(action.effect),
            "delivery": str(action.delivery),
            "tier": action.tier,
            "args": action.arguments,
            "granted": action.granted,
            "known": action.known,
            "context": dict(action.context),
        },
        "expect": {
            "verdict": str(expect.verdict),
            "rules": None if expect.rules is None else sorted(expect.rules),
            "requires": None if expect.requires is None else dict(expect.requires),
            "errors": expect.errors,
        },
    }


def _load(data: Mapping[str, Any]) -> Document:
    return Document(
        name=data["name"],
        description=data["description"],
        rules=tuple(_load_rule(rule) for rule in data["rules"]),
        cases=tuple(_load_case(case) for case in data["tests"]),
    )


def _load_rule(data: Mapping[str, Any]) -> Rule:
    return Rule(
        id=data["id"],
        tools=tuple(data["tools"]),
        effects=frozenset(Effect(name) for name in data["effects"]),
        when=data["when"],
        verdict=Verdict(data["verdict"]),
        message=data["message"],
        requires=requirements.read(data["requires"]),
    )


def _load_case(data: Mapping[str, Any]) -> Case:
    action, expect = data["action"], data["expect"]
    return Case(
        name=data["name"],
        action=Action(
            tool=action["tool"],
            effect=Effect(action["effect"]),
            delivery=Delivery(action["delivery"]),
            tier=action["tier"],
            arguments=action["args"],
            granted=action["granted"],
            known=action["known"],
            context=action["context"],
        ),
        expect=Expectation(
            verdict=Verdict(expect["verdict"]),
            rules=None if expect["rules"] is None else frozenset(expect["rules"]),
            requires=expect["requires"],
            errors=expect["errors"],
        ),
    )
