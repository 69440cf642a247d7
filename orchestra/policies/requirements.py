"""How requirements of several rules add up: field by field to the strictest, in any order, once or twice alike.

Also their stored form. Refuses to decide whether votes satisfy them: that is the engine's resolve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import reduce
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.contracts import Requirements

#: What one person looking at a call amounts to, where no rule says more.
ONE_PERSON: Final = Requirements()


def strictest(first: Requirements, second: Requirements) -> Requirements:
    """Both at once. Commutative, associative and idempotent: each field is a maximum, a minimum or a union."""
    return Requirements(
        votes=max(first.votes, second.votes),
        rejects=min(first.rejects, second.rejects),
        groups=first.groups | second.groups,
        stages=first.stages | second.stages,
        reason=first.reason or second.reason,
        step_up=first.step_up or second.step_up,
        blind=first.blind or second.blind,
        other_than_editor=first.other_than_editor or second.other_than_editor,
        expires_in=_sooner(first.expires_in, second.expires_in),
        remind_after=_sooner(first.remind_after, second.remind_after),
        escalate_to=first.escalate_to | second.escalate_to,
        sample=max(first.sample, second.sample),
        grace=max(first.grace, second.grace),
        tier=max(first.tier, second.tier),
        redact=first.redact | second.redact,
    )


def added(demands: Iterable[Requirements]) -> Requirements:
    """All of them together; one person where there is none."""
    given = tuple(demands)
    return reduce(strictest, given) if given else ONE_PERSON


def at_tier(demands: Requirements, tier: int) -> Requirements:
    """The same, of this tier at least."""
    return demands if demands.tier >= tier else replace(demands, tier=tier)


def in_order(stages: frozenset[tuple[str, ...]]) -> tuple[frozenset[str], ...]:
    """The groups in the order in which they vote: those of one set in any order, after all sets before it.

    Where chains contradict each other (two policies may disagree), what is left of them votes together.
    """
    waiting = {group: _before(group, stages) for chain in stages for group in chain}
    found: list[frozenset[str]] = []
    while waiting:
        free = frozenset(group for group, before in waiting.items() if not before & waiting.keys())
        found.append(free or frozenset(waiting))
        waiting = {group: before for group, before in waiting.items() if group not in found[-1]}
    return tuple(found)


def written(demands: Requirements) -> dict[str, Json]:
    """Plain data, every field, sets as sorted lists: what a ruling and a proposal store."""
    return {each.name: _plain(getattr(demands, each.name)) for each in fields(Requirements)}


def read(data: Mapping[str, Any]) -> Requirements:
    """The requirements that were written; fields that are missing have their defaults."""
    given = dict(data)
    for name in ("groups", "escalate_to", "redact"):
        given[name] = frozenset(given.get(name, ()))
    given["stages"] = frozenset(tuple(chain) for chain in given.get("stages", ()))
    for name in ("expires_in", "remind_after"):
        given[name] = None if given.get(name) is None else float(given[name])
    for name in ("sample", "grace"):
        given[name] = float(given.get(name, getattr(ONE_PERSON, name)))
    return Requirements(**given)


def _sooner(first: float | None, second: float | None) -> float | None:
    given = [time for time in (first, second) if time is not None]
    return min(given, default=None)


def _before(group: str, stages: frozenset[tuple[str, ...]]) -> frozenset[str]:
    """Groups that some chain wants before this one."""
    return frozenset(
        earlier for chain in stages if group in chain for earlier in chain[: chain.index(group)]
    ) - {group}


def _plain(value: Any) -> Json:
    if isinstance(value, frozenset):
        return sorted(list(each) if isinstance(each, tuple) else each for each in value)
    plain: Json = value
    return plain
