"""The names that rules may read, and how an action becomes their values.

Refuses to gather anything: the engine fills the context of an action, null where nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestra.canonical import Json
from orchestra.contracts import Action

#: What the action says itself.
OF_ACTION: Final[Mapping[str, str]] = {
    "tool": "name of the tool",
    "effect": "read, write or destructive",
    "delivery": "key, probe, transactional, idempotent or opaque",
    "tier": "1 to 4, from effect, delivery and size of the preview",
    "args": "the arguments of the call",
}
#: What the engine adds; null where nothing is known.
OF_CONTEXT: Final[Mapping[str, str]] = {
    "agent": "the agent; null for a tool step",
    "requester": "who asked for the task",
    "subject": "what the task is about",
    "environment": "name of the environment",
    "mode": "proposal, sampled or execution",
    "run": "the run: where it is and what it has used",
    "preview": "what the tool says would happen; null if it cannot say",
    "observed": "what the tool's observation of the foreign system returned",
    "provenance": "for each argument, where its value was seen before: person, requester, tool or agent",
    "confidence": "0 to 1, from routing, agreement or history; never the agent's own word",
    "counts": "earlier calls of this run",
    "second_opinion": "the answer of a second agent",
}
VARIABLES: Final = frozenset(OF_ACTION) | frozenset(OF_CONTEXT)

#: Members of variables that have a fixed set of them; the others hold whatever their source holds.
MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "agent": {"name": "its name", "version": "number of its version", "model": "the model behind it"},
    "requester": {"kind": "person or service", "name": "short name", "groups": "names of groups"},
    "run": {
        "id": "its id",
        "workflow": "name of the workflow",
        "version": "number of the workflow's version",
        "step": "path of the step",
        "turn": "number of the agent's turn",
        "identified": "what tools declared to identify the subject have returned in this run",
        "last_message": "the last message of the requester",
        "limits": "what it may use: steps, turns, tool_calls, tokens, cost",
        "use": "what it has used of that",
    },
    "preview": {
        "creates": "objects made",
        "updates": "objects changed",
        "deletes": "objects removed",
        "irreversible": "true when it cannot be undone",
        "count": "objects touched",
        "money": "integer minor units and currency",
        "people": "people reached",
        "before": "the object as it is",
        "after": "the object as it would be",
    },
    "counts": {
        "of_turn": "calls that the agent made in the same turn, this one counted",
        "calls": "calls of this run",
        "same": "earlier calls with the same tool and arguments",
        "same_succeeded": "those of them that took effect",
        "same_rejected": "those of them that a person rejected",
        "same_denied": "those of them that policies denied",
    },
}
#: Variables that hold one of a few words: comparing them with another word never holds.
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "effect": frozenset({"read", "write", "destructive"}),
    "delivery": frozenset({"key", "probe", "transactional", "idempotent", "opaque"}),
    "mode": frozenset({"proposal", "sampled", "execution"}),
}


def values(action: Action) -> dict[str, Json]:
    """The variables of rules for one action; what the context lacks is missing here too."""
    return {
        **action.context,
        "tool": action.tool,
        "effect": action.effect.value,
        "delivery": action.delivery.value,
        "tier": action.tier,
        "args": action.arguments,
    }
