"""The JSON Schema of a workflow file, built from the same tables that the parser uses; editors and docs read it.

Owns shapes only. What a schema cannot say (names, cycles, expressions, ends) is `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra import expressions
from orchestra.documents import quantities
from orchestra.errors import FailureClass
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, Kind

Schema = dict[str, Any]

STEP_NAME: Final = r"^[a-z][a-z0-9_]{0,62}$"
WORKFLOW_NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"
FUNCTION_NAME: Final = r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$"
TOOL_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
AGENT_NAME: Final = r"^[A-Za-z0-9_-]+$"
PATH: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,15}$"
LOOKUP: Final = r"^\{\{.*\}\}$"
LONGEST_CONDITION: Final = expressions.LONGEST
MOST_STEPS: Final = 1_000
MOST_ROUNDS: Final = 1_000
MOST_ATTEMPTS: Final = 100

#: Which kinds an `each` step may have inside.
INNER: Final = (Kind.PYTHON, Kind.TOOL, Kind.HUMAN, Kind.RUN, Kind.WAIT)


def document() -> Schema:
    """The whole schema, draft 2020-12; a new value at each call."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workflow",
        "description": "One YAML document that describes a workflow.",
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "name", "spec"],
        "properties": {
            "kind": {"const": "workflow", "description": "Says that this document is a workflow."},
            "name": _text(WORKFLOW_NAME, "The name under which versions of it are published."),
            "spec": {"$ref": "#/$defs/spec"},
        },
        "$defs": {
            "spec": _spec(),
            "limits": _limits(),
            **_parts(),
            "step": _choice("step"),
            **{f"step_{kind}": _step(kind, _OUTER) for kind in Kind},
            "inner": _choice("inner", INNER),
            **{f"inner_{kind}": _step(kind, _ANYWHERE) for kind in INNER},
        },
    }


def _text(pattern: str, description: str, *, longest: int = 4_096) -> Schema:
    return {"type": "string", "pattern": pattern, "maxLength": longest, "description": description}


def _words(description: str, *, longest: int = 4_096, least: int = 1) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": longest, "description": description}


def _count(least: int, most: int, description: str) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "description": description}


def _closed(properties: Mapping[str, Schema], *required: str, description: str = "") -> Schema:
    said: Schema = {"description": description} if description else {}
    return {
        **said,
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


def _duration(description: str) -> Schema:
    return _text(quantities.DURATION, f"{description} A number with a unit (ms, s, m, h, d, w), as in 1h30m.")


def _condition(description: str) -> Schema:
    return _words(f"{description} A CEL expression.", longest=LONGEST_CONDITION)


def _spec() -> Schema:
    return _closed(
        {
            "description": _words("What it is for, in a sentence or two.", least=0),
            "owner": _words("The group of people asked when a run cannot go on by itself.", longest=150),
            "priority": _count(-100, 100, "Due runs of a higher priority are taken first; 0 if not given."),
            "object": _text(LOOKUP, "A lookup into the input; runs with the same value never overlap."),
            "input": {"type": "object", "description": "JSON Schema of the input, which is an object."},
            "limits": {"$ref": "#/$defs/limits"},
            "output": {
                "description": "Template of the output; the outputs of the last steps by name if not given."
            },
            "steps": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MOST_STEPS,
                "propertyNames": {"pattern": STEP_NAME, "description": "the name of a step"},
                "additionalProperties": {"$ref": "#/$defs/step"},
                "description": "The steps by name. Their order does not matter; `needs` does.",
            },
        },
        "owner",
        "steps",
    )


def _limits() -> Schema:
    return _closed(
        {
            "steps": _count(1, 1_000_000, "Steps that may begin, rounds and items counted."),
            "turns": _count(0, 1_000_000, "Model calls."),
            "tool_calls": _count(0, 1_000_000, "Tool calls."),
            "repeats": _count(
                0, 1_000, "How often an agent may do the same with the same result; 0 for any number."
            ),
            "tokens": _count(0, 10**12, "Tokens of all model calls together."),
            "cost": _text(quantities.MONEY, "Money for model calls, as in 5.00 USD.", longest=40),
            "wall_time": _duration("From submission to the end."),
            "payload": _text(quantities.SIZE, "The largest stored value, as in 256KiB.", longest=40),
        },
        description="What one run may use. Reaching a limit stops the run where it stands and asks the owner.",
    )


def _parts() -> dict[str, Schema]:
    route = {
        "when": _condition("The first case that holds is taken; the last case has none."),
        "to": _text(STEP_NAME, "The step that goes on."),
    }
    repeat = {
        "until": _condition("Sees `output` too. The step is done again until it holds."),
        "at_most": _count(1, MOST_ROUNDS, "Rounds in all; the step fails with `limit` after the last."),
    }
    return {
        "criterion": _criterion(),
        "retry": _retry(),
        "repeat": _closed(repeat, *repeat, description="Do the step again until a condition holds."),
        "route": _closed(route, "to"),
    }


def _criterion() -> Schema:
    return {
        "description": "A condition that must hold, and what to say when it does not.",
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": LONGEST_CONDITION,
        "additionalProperties": False,
        "required": ["check", "message"],
        "properties": {
            "check": _condition("What must hold."),
            "message": _words("Said when it does not hold."),
        },
    }


def _retry() -> Schema:
    return _closed(
        {
            "attempts": _count(1, MOST_ATTEMPTS, "How often in all, the first time counted."),
            "first_wait": _duration(
                "The longest wait before the second attempt; a random part of it is waited."
            ),
            "factor": {"type": "number", "minimum": 1, "maximum": 100, "description": "Growth of the wait."},
            "longest_wait": _duration("The wait grows no further than this."),
            "on": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": [str(item) for item in FailureClass]},
                "description": "The failure classes that are tried again.",
            },
        },
        "attempts",
        description="How a failed step is tried again.",
    )


def _choice(prefix: str, kinds: tuple[Kind, ...] = tuple(Kind)) -> Schema:
    """By `kind`, so that a message speaks of the kind that is meant, not of all of them."""
    names = [str(kind) for kind in kinds]
    cases = [
        {
            "if": {"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{prefix}_{name}"},
        }
        for name in names
    ]
    kind = {"enum": names, "description": "What the step does."}
    return {"type": "object", "required": ["kind"], "properties": {"kind": kind}, "allOf": cases}


_NEEDS: Final[Schema] = {
    "description": "The steps that come before: one name, or a list of names.",
    "type": ["string", "array"],
    "pattern": STEP_NAME,
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": STEP_NAME},
}
_JOIN: Final[Schema] = {
    "description": "all (default), any, first, or a number of successes: when a step with several needs starts.",
    "anyOf": [
        {"enum": [str(join) for join in Join]},
        {"type": "integer", "minimum": 1, "maximum": MOST_STEPS},
    ],
}
_CRITERIA: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "items": {"$ref": "#/$defs/criterion"},
}

#: Fields of every step, also of the inner step of `each`.
_ANYWHERE: Final[Mapping[str, Schema]] = {
    "description": _words("What the step is for; shown to people.", least=0),
    "requires": {**_CRITERIA, "description": "What must hold before the step begins."},
    "ensures": {**_CRITERIA, "description": "What must hold of its `output`."},
    "on_failure": {
        "enum": [ESCALATE, CONTINUE],
        "description": "escalate (default: ask the owner) or continue.",
    },
}
#: What only a step of the graph has.
_OUTER: Final[Mapping[str, Schema]] = {
    **_ANYWHERE,
    "on_failure": _text(
        STEP_NAME, "escalate (default: ask the owner), continue, or the step that takes over."
    ),
    "needs": _NEEDS,
    "join": _JOIN,
    "if": _condition("The step is skipped when this does not hold."),
    "repeat": {"$ref": "#/$defs/repeat"},
}
_WITH: Final[Schema] = {
    "description": 'The inputs; `"{{ path }}"` as a whole value looks a value up and keeps its type.'
}
_TIMEOUT: Final[Schema] = _duration("How long one attempt may take.")
_SEES: Final[Schema] = {
    "description": "What of the run it is given besides `with`: paths such as input.order or steps.fetch.output.",
    "type": "array",
    "uniqueItems": True,
    "maxItems": 50,
    "items": {"type": "string", "pattern": PATH, "maxLength": 500},
}
_WORK: Final[Mapping[str, Schema]] = {
    "with": _WITH,
    "timeout": _TIMEOUT,
    "retry": {"$ref": "#/$defs/retry"},
}
#: Fields of each kind, and which of them must be there.
FIELDS: Final[Mapping[Kind, tuple[Mapping[str, Schema], tuple[str, ...]]]] = {
    Kind.PYTHON: (
        {**_WORK, "function": _text(FUNCTION_NAME, "A registered function.", longest=200)},
        ("function",),
    ),
    Kind.TOOL: (
        {**_WORK, "tool": _text(TOOL_NAME, "A registered or published tool.", longest=120)},
        ("tool",),
    ),
    Kind.AGENT: (
        {
            **_WORK,
            "timeout": _duration("How long one answer of the model may take; 10 minutes if not given."),
            "sees": _SEES,
            "agent": _text(AGENT_NAME, "A published agent.", longest=80),
            "settings": {
                "type": "object",
                "description": "What its adapter is told besides the agent's own settings; values may be lookups.",
            },
            "tools": {
                "type": "array",
                "uniqueItems": True,
                "maxItems": 200,
                "items": _text(TOOL_NAME, "A registered tool.", longest=120),
                "description": "The tools it sees in this step, a part of those it is granted; all of these if not given.",
            },
        },
        ("agent",),
    ),
    Kind.HUMAN: (
        {
            "with": _WITH,
            "timeout": _duration("How long the question stays open."),
            "group": _words("Who is asked; the owner if not given.", longest=150),
            "title": _words("The question, plain text or a lookup.", longest=500),
            "form": {"type": "object", "description": "JSON Schema of the answer."},
        },
        ("title",),
    ),
    Kind.ROUTE: (
        {
            "routes": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"$ref": "#/$defs/route"},
                "description": "The cases in order; the last has no `when` and is taken when none before it holds.",
            }
        },
        ("routes",),
    ),
    Kind.WAIT: (
        {
            "for": _duration("How long to wait."),
            "until": _text(LOOKUP, "A lookup of the time to wait for, an RFC 3339 text."),
        },
        (),
    ),
    Kind.EACH: (
        {
            "items": {
                "description": "The list: a lookup, or the list itself.",
                "type": ["string", "array"],
                "pattern": LOOKUP,
                "maxLength": 4_096,
            },
            "as": _text(
                STEP_NAME, "The name of one item inside; `item` if not given. `index` counts from 0."
            ),
            "at_once": _count(1, 1_000, "How many items are worked on at once; 20 if not given."),
            "timeout": _duration("How long all items together may take."),
            "step": {"$ref": "#/$defs/inner"},
        },
        ("items", "step"),
    ),
    Kind.RUN: (
        {**_WORK, "workflow": _text(WORKFLOW_NAME, "Its deployment in the same environment is run.")},
        ("workflow",),
    ),
}
#: Kinds that decide or wait: to do them again changes nothing.
_ONCE: Final = (Kind.ROUTE, Kind.WAIT, Kind.EACH)


def _step(kind: Kind, common: Mapping[str, Schema]) -> Schema:
    fields, required = FIELDS[kind]
    kept = {name: field for name, field in common.items() if not (name == "repeat" and kind in _ONCE)}
    return _closed({"kind": {"const": str(kind)}, **kept, **fields}, "kind", *required)
