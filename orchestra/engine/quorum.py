"""Whether the votes on a proposal are enough: so many persons, one of each group, and stages in their order.

Counts what it is given. Who may vote at all is decided in `resolve` and `people`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.models import Approval, Person
from orchestra.people import persons
from orchestra.policies import requirements

#: Requirements as they are written down (see `policies.requirements`).
Wanted = Mapping[str, Any]


def is_enough(wanted: Wanted, votes: Sequence[Approval], *, least: int) -> bool:
    """Whether these approvals, in the order of their coming, are what is wanted; `least` persons in any case."""
    voters = {vote.person_id: vote.person for vote in votes}
    enough = len(voters) >= max(least, int(wanted.get("votes") or 1))
    covered = all(_covers(voters.values(), group) for group in groups(wanted))
    return enough and covered and not open_stage(wanted, list(voters.values()))


def outside(wanted: Wanted, person: Person) -> str | None:
    """Why it is not for this person to decide at all; None when it is."""
    asked = sorted({*groups(wanted), *(group for stage in stages(wanted) for group in stage)})
    if asked and not any(persons.is_in_group(person, group) for group in asked):
        return f"This is for {' or '.join(asked)} to decide."
    return None


def too_early(wanted: Wanted, person: Person, votes: Sequence[Approval]) -> str | None:
    """Why it is not for this person to decide yet; None when it is."""
    now = open_stage(wanted, [vote.person for vote in votes])
    if now and not any(persons.is_in_group(person, group) for group in now):
        return f"First it is for {' and '.join(now)} to decide."
    return None


def groups(wanted: Wanted) -> list[str]:
    """The groups of which one person each must agree."""
    return sorted(str(group) for group in wanted.get("groups") or ())


def open_stage(wanted: Wanted, voters: Sequence[Person]) -> list[str]:
    """Groups of the first stage that still miss a vote; empty when all stages are through. A vote counts for one stage."""
    left = [set(stage) for stage in stages(wanted)]
    for voter in voters:
        if left:
            left[0] -= {group for group in left[0] if persons.is_in_group(voter, group)}
            left = left if left[0] else left[1:]
    return sorted(left[0]) if left else []


def stages(wanted: Wanted) -> Sequence[frozenset[str]]:
    """The groups that decide one after the other."""
    return requirements.in_order(frozenset(tuple(chain) for chain in wanted.get("stages") or ()))


def _covers(voters: Any, group: str) -> bool:
    return any(persons.is_in_group(voter, group) for voter in voters)
