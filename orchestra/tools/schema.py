"""The JSON Schemas of documents that declare a tool or bind tools to an address.

Owns shapes only. What a schema cannot say (names, gaps, lookups, what fits together) is `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra.contracts import Delivery, Effect, Outcome
from orchestra.documents import quantities
from orchestra.tools import redaction

Schema = dict[str, Any]

TOOL_NAME: Final = r"^[a-z][a-z0-9_.-]{0,62}$"
GLOB: Final = r"^[a-z0-9_.*?-]{1,120}$"
NAME: Final = r"^[a-z][a-z0-9_]{0,62}$"
LOOKUP: Final = r"^\{\{.*\}\}$"
PATH: Final = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*$"
PROBE_PATH: Final = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/{}?-]*$"
STATUS: Final = r"^[1-5]([0-9]{2}|xx)$"
HEADER: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
HEADER_VALUE: Final = r"^[!-~]([ -~]*[!-~])?$"
BASE_URL: Final = r"^https?://[^/?#\s]+(/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*)?$"
LABEL: Final = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"

HINTS: Final[Mapping[str, str]] = {
    GLOB: "a name, or * and ? for parts of names",
    STATUS: 'a status or its class in quotes, such as "429" or 4xx',
    PATH: "a path begins with / and holds gaps such as {order_id}; what comes after ? is `query`",
    BASE_URL: "scheme, host, port and perhaps a path with labels such as {world}",
    redaction.PATH: "a path begins with args, result, observed or preview; [] stands for each element",
}


def tool() -> Schema:
    """The schema of a `tool` document, draft 2020-12; a new value at each call."""
    return _document("tool", TOOL_NAME, "The name that agents and workflows call it by.", _tool())


def binding() -> Schema:
    """The schema of a `binding` document."""
    return _document("binding", TOOL_NAME, "The name of this set of addresses.", _binding())


def _document(kind: str, pattern: str, name: str, spec: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "name", "spec"],
        "properties": {"kind": {"const": kind}, "name": _text(pattern, name), "spec": spec},
    }


def _text(pattern: str, description: str, *, longest: int = 500) -> Schema:
    return {"type": "string", "pattern": pattern, "maxLength": longest, "description": description}


def _words(description: str, *, longest: int = 4_096) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": description}


def _closed(properties: Mapping[str, Schema], *required: str, description: str = "") -> Schema:
    said: Schema = {"description": description} if description else {}
    return said | {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


def _list(items: Schema, description: str, *, least: int = 1, most: int = 50) -> Schema:
    return {
        "type": "array",
        "minItems": least,
        "maxItems": most,
        "uniqueItems": True,
        "items": items,
        "description": description,
    }


def _map(pattern: str, what: str, values: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "maxProperties": 50,
        "propertyNames": {"pattern": pattern, "description": what},
        "additionalProperties": values,
        "description": description,
    }


def _duration(description: str) -> Schema:
    return _text(quantities.DURATION, f"{description} A number with a unit (ms, s, m, h, d, w), as in 1h30m.")


def _template(description: str) -> Schema:
    return {"description": f"{description} `{{{{ args.x }}}}` as a whole value looks a value up."}


def _use(description: str) -> Schema:
    return _closed(
        {"tool": _text(TOOL_NAME, "The tool that is used."), "with": _template("Its arguments.")},
        "tool",
        "with",
        description=description,
    )


def _tool() -> Schema:
    return _closed(
        {
            "description": _words("What it does, as agents are told."),
            "effect": {"enum": [str(effect) for effect in Effect], "description": "destructive if not given"},
            "delivery": {
                "enum": [str(delivery) for delivery in Delivery],
                "description": "What can be known after a lost reply; opaque if not given.",
            },
            "tier": {"type": "integer", "minimum": 1, "maximum": 4, "description": "The least that is at stake."},
            "arguments": {"type": "object", "description": "JSON Schema of the arguments, which are an object."},
            "sentence": _words("What a reviewer reads: `Cancel order {order_id}: {reason}`.", longest=500),
            "request": _request(),
            "key": _key(),
            "replies": _replies(),
            "observe": {"type": "array", "maxItems": 10, "items": _observation(), "description": "What is read first."},
            "lookup": _lookup(),
            "reverse": _use("The call that undoes it; sees args, observed and result."),
            "preview": _use("A reading tool that tells what it would do; sees args and observed."),
            "hands_off": {"type": "boolean", "description": "Using it ends the agent's part; people go on."},
            "identifies": {"type": "boolean", "description": "Its result is the id of whom the run is about."},
            "object": _text(LOOKUP, "A lookup of the object it touches; calls with the same one never overlap."),
            "timeout": _duration("How long the request may take; 30s if not given."),
            "quiet": _duration("How long after the timeout the effect may still come."),
            "redact": _list(_text(redaction.PATH, "A path."), "Values that are shown as [redacted]."),
        },
        "description",
        "arguments",
        "request",
    )  # fmt: skip


def _request() -> Schema:
    return _closed(
        {
            "method": {"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"], "description": "The HTTP method."},
            "path": _text(PATH, "The path below the address of the binding."),
            "query": _map(r"^[!-~]{1,100}$", "the name of a query parameter", {}, "Query parameters, in order of name."),
            "headers": _map(HEADER, "the name of a header", _text(HEADER_VALUE, "Its value."), "Constant headers."),
            "body": _template("The JSON body; the arguments if not given."),
        },
        "method",
        "path",
        description="The HTTP request.",
    )  # fmt: skip


def _key() -> Schema:
    return _closed(
        {
            "header": _text(HEADER, "The header that carries our idempotency key."),
            "life": _duration("How long the system remembers a key."),
        },
        "header",
        "life",
        description="For delivery key: how it is sent and how long it protects.",
    )


def _replies() -> Schema:
    outcomes = {"enum": [str(outcome) for outcome in Outcome], "description": "What the reply means."}
    return _map(
        STATUS, "a status", outcomes, "What replies mean, by status or class; what is not here is as usual."
    )


def _observation() -> Schema:
    return _closed(
        {
            "name": _text(NAME, "Known as observed.NAME."),
            "tool": _text(TOOL_NAME, "A reading tool."),
            "with": _template("Its arguments; sees args, earlier observations and item."),
            "each": _text(LOOKUP, "A lookup of a list: one reading for each item."),
            "by": _text(LOOKUP, "With each: a lookup into item; the results are an object with these names."),
            "only": _list(_words("A member.", longest=100), "The members that are kept of the result."),
        },
        "name",
        "tool",
        "with",
    )


def _lookup() -> Schema:
    status: Schema = {"type": "integer", "minimum": 100, "maximum": 599}
    return _closed(
        {
            "method": {"enum": ["GET", "POST"], "description": "GET if not given."},
            "path": _text(PROBE_PATH, "The path, with the gap {key}."),
            "found": _list(status, "Statuses that say: it happened. 200 if not given."),
            "absent": _list(status, "Statuses that say: it did not happen. 404 if not given."),
        },
        "path",
        description="How to ask whether a call took effect.",
    )


def _binding() -> Schema:
    return _closed(
        {
            "tools": _list(_text(GLOB, "A tool."), "The tools it is for: names, or globs such as shop.*.", most=200),
            "base_url": _text(BASE_URL, "Where requests go."),
            "labels": _list(_text(LABEL, "A label."), "Labels of a task that may fill gaps of the address."),
            "secret": _secret(),
            "allow": _list(_words("An opening.", longest=300), "Addresses besides public ones on ports 80 and 443."),
            "at_once": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "Calls of a tool at once."},
        },
        "tools",
        "base_url",
    )  # fmt: skip


def _secret() -> Schema:
    return {
        "description": "A reference such as env:NAME, sent as a bearer token; or reference, header and prefix.",
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": 200,
        "additionalProperties": False,
        "required": ["reference", "header"],
        "properties": {
            "reference": _words("Where the secret is: env:NAME or file:/run/secrets/NAME.", longest=200),
            "header": _text(HEADER, "The header that carries it."),
            "prefix": {
                "type": "string",
                "maxLength": 40,
                "description": "What stands before it, such as `Token `.",
            },
        },
    }
