"""What a rule of the ledger is: a question to the database whose every answer is something that must never be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, LiteralString


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant, or a part of one.

    `sql` gives one column of text: names (uids) of what breaks it. `values` are its parameters.
    `remedy` is what to do about it, as one sentence.
    """

    invariant: str
    what: str
    sql: LiteralString
    remedy: str
    values: dict[str, Any] = field(default_factory=dict)
