"""A declaration as canonical plain data and back: what a published version stores and what its digest covers.

Every value is written out, also the defaults of today, so that a version keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.contracts import Delivery, Effect, Outcome
from orchestra.documents.envelopes import LIMITS
from orchestra.errors import Bug, Invalid
from orchestra.tools.declarations import Declaration, Observation, Probe, RequestForm, Use

FORMAT: Final = 1


def dump(declaration: Declaration) -> Json:
    """Plain data inside the number profile of `canonical`; equal declarations give equal bytes."""
    data = {
        "format": FORMAT,
        "name": declaration.name,
        "description": declaration.description,
        "effect": str(declaration.effect),
        "delivery": str(declaration.delivery),
        "tier": declaration.tier,
        "arguments": dict(declaration.arguments),
        "sentence": declaration.sentence,
        "request": _dump_request(declaration.request),
        "key_header": declaration.key_header,
        "key_life": declaration.key_life,
        "replies": {status: str(outcome) for status, outcome in declaration.replies.items()},
        "observe": [_dump_observation(found) for found in declaration.observe],
        "lookup": _dump_probe(declaration.lookup),
        "reverse": _dump_use(declaration.reverse),
        "preview": _dump_use(declaration.preview),
        "hands_off": declaration.hands_off,
        "identifies": declaration.identifies,
        "object": declaration.object,
        "timeout": declaration.timeout,
        "quiet_period": declaration.quiet_period,
        "redact": list(declaration.redact),
    }
    return canonical.check(data, limits=LIMITS)


def load(data: Json) -> Declaration:
    """The declaration again. Raises Invalid for a newer format, Bug for data that `dump` never wrote."""
    found = data.get("format") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(found, int) and found > FORMAT:
        raise Invalid(
            f"this tool is stored in format {found}; this version reads format {FORMAT}: upgrade it"
        )
    if not isinstance(data, dict) or found != FORMAT:
        raise Bug("this is no stored tool")
    try:
        return _load(data)
    except (KeyError, TypeError, ValueError) as error:
        raise Bug(f"a stored tool cannot be read: {error!r}") from error


def digest(declaration: Declaration) -> bytes:
    """SHA-256 (32 bytes) of the canonical bytes: the same for two files that mean the same."""
    return canonical.digest(dump(declaration))


def _dump_request(request: RequestForm) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": dict(request.headers),
        "body": request.body,
    }


def _dump_observation(found: Observation) -> dict[str, Any]:
    return {
        "name": found.name,
        "tool": found.tool,
        "with": found.with_,
        "each": found.each,
        "by": found.by,
        "only": list(found.only),
    }


def _dump_probe(probe: Probe | None) -> dict[str, Any] | None:
    if probe is None:
        return None
    return {
        "method": probe.method,
        "path": probe.path,
        "found": list(probe.found),
        "absent": list(probe.absent),
    }


def _dump_use(use: Use | None) -> dict[str, Any] | None:
    return None if use is None else {"tool": use.tool, "with": use.with_}


def _load(data: Mapping[str, Any]) -> Declaration:
    return Declaration(
        name=data["name"],
        description=data["description"],
        arguments=data["arguments"],
        request=RequestForm(**data["request"]),
        effect=Effect(data["effect"]),
        delivery=Delivery(data["delivery"]),
        tier=data["tier"],
        sentence=data["sentence"],
        key_header=data["key_header"],
        key_life=None if data["key_life"] is None else float(data["key_life"]),
        replies={status: Outcome(outcome) for status, outcome in data["replies"].items()},
        observe=tuple(_load_observation(found) for found in data["observe"]),
        lookup=None if data["lookup"] is None else _load_probe(data["lookup"]),
        reverse=_load_use(data["reverse"]),
        preview=_load_use(data["preview"]),
        hands_off=data["hands_off"],
        identifies=data["identifies"],
        object=data["object"],
        timeout=float(data["timeout"]),
        quiet_period=float(data["quiet_period"]),
        redact=tuple(data["redact"]),
    )


def _load_observation(data: Mapping[str, Any]) -> Observation:
    return Observation(
        data["name"], data["tool"], data["with"], data["each"], data["by"], tuple(data["only"])
    )


def _load_probe(data: Mapping[str, Any]) -> Probe:
    return Probe(data["path"], data["method"], tuple(data["found"]), tuple(data["absent"]))


def _load_use(data: Mapping[str, Any] | None) -> Use | None:
    return None if data is None else Use(data["tool"], data["with"])
