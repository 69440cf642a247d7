"""What a token may be used for: a closed list, asked besides the rights of whoever holds it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

#: Every scope, and what it lets a token do as far as its holder may.
SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tasks:submit": "Submit tasks",
        "tasks:read": "Read tasks",
        "runs:read": "Read runs and their events",
        "runs:operate": "Cancel, retry and fork runs",
        "proposals:read": "Read what waits for a decision",
        "proposals:decide": "Decide proposals: approve, reject, ask for changes, edit",
        "questions:read": "Read what people are asked",
        "questions:answer": "Answer questions",
        "tokens:manage": "List, make and revoke tokens of the same holder",
    }
)
#: What only people do: a token of a system never has these.
OF_PEOPLE: Final = frozenset({"proposals:decide", "questions:answer"})
#: How long any token lives at most, and one with which people decide.
LONGEST: Final = timedelta(days=366)
LONGEST_TO_DECIDE: Final = timedelta(hours=12)


def longest(scopes: Iterable[str]) -> timedelta:
    """How long a token with these scopes may live."""
    return LONGEST_TO_DECIDE if OF_PEOPLE & set(scopes) else LONGEST
