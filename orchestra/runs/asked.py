"""Who can act on what a run waits for, and how they are named in a sentence. Reads only.

Finds them in one question to the database; `resolve.objection` has the last word on each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import Q, QuerySet

from orchestra.engine import quorum
from orchestra.models import Approval, Person, PolicyVersion, Proposal, User
from orchestra.people import roles

#: So many are named; so many are counted.
NAMED: Final = 2
MOST: Final = 20


def deciders(proposal: Proposal) -> QuerySet[Person]:
    """Who may vote for a proposal now: they have the right, no part in it, and have not voted."""
    call = proposal.toolcall
    parts = {call.run.task.requester_id, call.edited_by_id}
    parts |= {call.turn.agent_version.agent.owner_id} if call.turn is not None else set()
    parts |= {call.run.task.service.owner_id} if call.run.task.service is not None else set()
    people = roles.who_may("review", proposal.deployment)
    people = people.exclude(pk__in=[part for part in parts if part is not None])
    people = people.exclude(approvals__in=Approval.objects.filter(proposal=proposal))
    people = people.exclude(_wrote(proposal))
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
    if quorum.stages(wanted):
        votes = proposal.approvals.filter(verdict="approve", digest=proposal.digest).select_related("person")
        return quorum.open_stage(wanted, [vote.person for vote in votes.order_by("pk")])
    return quorum.groups(wanted)
