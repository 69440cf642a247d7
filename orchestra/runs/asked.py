"""Who can act on what a run waits for, and how they are named in a sentence. Reads only.

Says the same as `resolve.objection` of each person, in one question to the database.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from django.db.models import Q, QuerySet

from orchestra.engine import quorum, resolve
from orchestra.models import Person, PolicyVersion, Proposal, User
from orchestra.people import roles

#: So many are named; so many are counted.
NAMED: Final = 2
MOST: Final = 20


def deciders(proposal: Proposal) -> QuerySet[Person]:
    """Who may vote for a proposal now: they have the right, no part in it, and have not voted."""
    people = roles.who_may("review", proposal.deployment)
    people = people.exclude(pk__in=_parts(proposal)).exclude(_wrote(proposal))
    people = people.exclude(approvals__in=resolve.counted(proposal))
    groups = _groups(proposal)
    return people.filter(pk__in=members(*groups)) if groups else people


def members(*groups: str) -> QuerySet[Person]:
    """Active persons with an active account in one of the groups."""
    accounts = User.objects.filter(is_active=True, groups__name__in=groups)
    return Person.objects.filter(active=True, accounts__in=accounts).distinct()


def named(people: QuerySet[Person]) -> str:
    """`Ann`, `Ann or Ben`, `Ann, Ben or 3 others`; empty when there is nobody."""
    found = [str(person) for person in people.order_by("name")[: MOST + NAMED + 1]]
    return words(found)


def words(found: Sequence[str]) -> str:
    """Names, the last ones counted."""
    if len(found) <= NAMED + 1:
        return " or ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
    others = len(found) - NAMED
    return f"{', '.join(found[:NAMED])} or {f'{MOST}+' if others > MOST else others} others"


def _parts(proposal: Proposal) -> list[int]:
    """Who has a part in the call itself."""
    behind = resolve.parties(proposal.toolcall)
    parts = [behind.requester, behind.agent_owner, behind.service_owner]
    editors = behind.editors if _bars_editors(proposal) else ()
    return [part for part in (*parts, *editors) if part is not None]


def _bars_editors(proposal: Proposal) -> bool:
    wanted = proposal.requirements
    tier = max(proposal.tier, int(wanted.get("tier") or 1))
    return bool(wanted.get("other_than_editor")) or tier >= resolve.REASON_FROM_TIER


def _wrote(proposal: Proposal) -> Q:
    """Who wrote a rule behind it."""
    rules = proposal.ruling.rules
    digests = [bytes.fromhex(str(rule["digest"])) for rule in rules if rule.get("digest")]
    names = [rule["author"] for rule in rules if rule.get("author")]
    authors = PolicyVersion.objects.filter(digest__in=digests).values("author")
    return Q(pk__in=authors) | Q(name__in=names)


def _groups(proposal: Proposal) -> list[str]:
    """Those of whom a vote is taken now: of the open stage, or of all that are asked."""
    wanted = proposal.requirements
    stages = quorum.stages(wanted)
    voters = [vote.person for vote in resolve.standing(proposal)] if stages else []
    return quorum.open_stage(wanted, voters) or sorted({*quorum.groups(wanted), *itertools.chain(*stages)})
