"""The JSON Schema of a policy file; editors and docs read it.

Owns shapes only. What a schema cannot say (expressions, names, what never matches) is `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestra import expressions
from orchestra.contracts import Delivery, Effect, Verdict
from orchestra.documents import quantities
from orchestra.policies.vocabulary import OF_CONTEXT

Schema = dict[str, Any]

POLICY_NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"
RULE_ID: Final = r"^[a-z][a-z0-9_-]{0,62}$"
TOOLS: Final = r"^[A-Za-z0-9_.*-]+$"
TOOL: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
PATH: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,15}$"
MOST_RULES: Final = 500
MOST_TESTS: Final = 1_000
MOST_VOTES: Final = 20
NAME_RULE: Final = "use lower-case letters, digits, _ and -, a letter first, at most 63 in all"


def document() -> Schema:
    """The whole schema, draft 2020-12; a new value at each call."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy",
        "description": "One YAML document that holds the rules of a policy, and their tests.",
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "name", "spec"],
        "properties": {
            "kind": {"const": "policy", "description": "Says that this document is a policy."},
            "name": _text(POLICY_NAME, "The name under which versions of it are published."),
            "spec": {"$ref": "#/$defs/spec"},
        },
        "$defs": {
            "spec": _spec(),
            "rule": _rule(),
            "requires": _requires(),
            "test": _test(),
            "action": _action(),
            "expect": _expect(),
        },
    }


def _text(pattern: str, description: str, *, longest: int = 120) -> Schema:
    return {"type": "string", "pattern": pattern, "maxLength": longest, "description": description}


def _words(description: str, *, longest: int = 1_000, least: int = 1) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": longest, "description": description}


def _count(least: int, most: int, description: str) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "description": description}


def _yes(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _list(items: Schema, description: str, *, most: int = 100) -> Schema:
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": most,
        "uniqueItems": True,
        "items": items,
        "description": description,
    }


def _closed(properties: Mapping[str, Schema], *required: str, description: str) -> Schema:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


def _duration(description: str) -> Schema:
    return _text(quantities.DURATION, f"{description} A number with a unit (ms, s, m, h, d, w), as in 1h30m.")


def _one_of(words: type[Effect] | type[Delivery] | type[Verdict], description: str) -> Schema:
    return {"enum": [str(word) for word in words], "description": description}


def _spec() -> Schema:
    return _closed(
        {
            "description": _words("What the policy is for, in a sentence or two.", least=0),
            "rules": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_RULES,
                "items": {"$ref": "#/$defs/rule"},
                "description": "The rules. Their order does not matter.",
            },
            "tests": {
                "type": "array",
                "maxItems": MOST_TESTS,
                "items": {"$ref": "#/$defs/test"},
                "description": "What this policy alone must say of some calls; publishing runs them first.",
            },
        },
        "rules",
        description="What a policy holds.",
    )


def _rule() -> Schema:
    return _closed(
        {
            "id": _text(RULE_ID, "Its name inside the policy; rulings name it.", longest=63),
            "tools": _list(
                _text(TOOLS, "A tool, or a glob in which * stands for any text."),
                "The tools it speaks of: names, or globs such as orders.*",
            ),
            "effects": _list(_one_of(Effect, "An effect."), "Only calls of these effects; all if not given."),
            "when": _words(
                "It matches when this CEL expression holds; always if not given.", longest=expressions.LONGEST
            ),
            "verdict": _one_of(Verdict, "deny beats review, review beats allow."),
            "message": _words("Said to reviewers and to the agent. Names the rule, not the case."),
            "requires": {"$ref": "#/$defs/requires"},
        },
        "id",
        "tools",
        "verdict",
        "message",
        description="What is said of calls of some tools.",
    )


def _requires() -> Schema:
    group = _words("Name of a group of people.", longest=150)
    return _closed(
        {
            "votes": _count(1, MOST_VOTES, "How many persons must approve; 1 if not given."),
            "rejects": _count(1, MOST_VOTES, "How many rejections end it; 1 if not given."),
            "groups": _list(group, "Each of these groups must be among the approving votes."),
            "stages": _list(group, "Groups that vote one after the other, in this order."),
            "reason": _yes("Each vote needs a reason."),
            "step_up": _yes("Each vote needs a fresh sign-in."),
            "blind": _yes("Nobody sees the votes of others before their own."),
            "other_than_editor": _yes("Whoever edited the call cannot approve it."),
            "expires_in": _duration("The question is closed after this time, and nothing is done."),
            "remind_after": _duration("Reviewers are reminded after this time."),
            "escalate_to": group | {"description": "The group that is told when the reminder did not help."},
            "sample": {
                "type": "number",
                "minimum": 0.001,
                "maximum": 1,
                "description": "The share of such calls that people see; the others pass (not in mode proposal).",
            },
            "grace": _duration("A vote can be withdrawn for this time before it counts."),
            "tier": _count(1, 4, "Raises the tier to at least this."),
            "redact": _list(
                _text(PATH, "A path into the arguments, such as args.card.number", longest=500),
                "Values that reviewers do not see.",
            ),
        },
        description="What the review must satisfy. Several rules add up to the strictest of each.",
    ) | {"minProperties": 1}


def _test() -> Schema:
    return _closed(
        {
            "name": _words("What it shows, as a sentence.", longest=200),
            "action": {"$ref": "#/$defs/action"},
            "expect": {"$ref": "#/$defs/expect"},
        },
        "name",
        "action",
        "expect",
        description="An action, and what this policy alone says of it.",
    )


def _action() -> Schema:
    context: dict[str, Schema] = {name: {"description": about} for name, about in OF_CONTEXT.items()}
    return _closed(
        {
            "tool": _text(TOOL, "Name of the tool."),
            "effect": _one_of(Effect, "destructive if not given."),
            "delivery": _one_of(Delivery, "opaque if not given."),
            "tier": _count(1, 4, "1 if not given."),
            "args": {"description": "The arguments; none if not given."},
            "granted": _yes("Whether the agent may use the tool; true if not given."),
            "known": _yes("Whether there is such a tool; true if not given."),
            **context,
        },
        "tool",
        description="A call, and whatever the rules read of its context.",
    )


def _expect() -> Schema:
    return _closed(
        {
            "verdict": _one_of(Verdict, "The verdict."),
            "rules": {
                "type": "array",
                "uniqueItems": True,
                "items": _text(RULE_ID, "Id of a rule of this policy.", longest=63),
                "description": "Exactly the rules of this policy that match; not asked if not given.",
            },
            "requires": {"$ref": "#/$defs/requires"},
            "errors": _count(0, MOST_RULES, "How many rules cannot be evaluated; 0 if not given."),
        },
        "verdict",
        description="What must come out.",
    )
