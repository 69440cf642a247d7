"""Separation of duties: who must keep out of a decision, whatever rights they have. Pure; superusers do not escape it.

Compares persons, never accounts: a second account of the same person is the same person.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parties:
    """The persons (by id) who have a part in an action, so that they cannot also decide on it."""

    requester: int | None = None
    agent_owner: int | None = None
    service_owner: int | None = None
    rule_authors: frozenset[int] = frozenset()
    editors: frozenset[int] = frozenset()


def objection(person: int | None, parties: Parties, *, other_than_editor: bool = False) -> str | None:
    """Why this person must not decide, as a sentence to them; None when nothing stands against it."""
    parts = (
        (person is None, "Only a person can decide; this account belongs to none."),
        (person == parties.requester, "You requested this, so someone else must decide."),
        (person == parties.agent_owner, "You own the agent that proposes this, so someone else must decide."),
        (
            person == parties.service_owner,
            "You own the system that requested this, so someone else must decide.",
        ),
        (
            person in parties.rule_authors,
            "You wrote the rule that applies here, so someone else must decide.",
        ),
        (other_than_editor and person in parties.editors, "You edited this, so someone else must decide."),
    )
    return next((sentence for has_part, sentence in parts if has_part), None)
