"""Who brought a proposal to its end, by the state that it is in. Reads only; `resolve` decides.

Names nobody where no person's word was the last: what ran out, was called off, or was judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestra.models import Approval, Edit, Person, Proposal, Vote

#: What is said by the votes that bring about a state; those that were outvoted said something else.
OF: Final[Mapping[str, Vote]] = {
    "approved": Vote.APPROVE,
    "rejected": Vote.REJECT,
    "returned": Vote.CHANGES,
}


def vote(proposal: Proposal) -> Approval | None:
    """The vote that decided, where votes did."""
    if proposal.state not in OF:
        return None
    live = proposal.approvals.filter(withdrawn_at__isnull=True, verdict=OF[proposal.state])
    return live.select_related("person").order_by("-pk").first()


def edit(proposal: Proposal) -> Edit | None:
    """The edit that took its place, where one did."""
    if proposal.state != "superseded":
        return None
    return Edit.objects.filter(proposal=proposal).select_related("person").first()


def person(proposal: Proposal) -> Person | None:
    """Whose word was the last."""
    last = vote(proposal) or edit(proposal)
    return last.person if last is not None else None
