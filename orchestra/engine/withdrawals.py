"""Votes that are taken back: while a proposal is open, in its grace window too. Refuses once it is decided.

The vote stays in the record, and the person may vote anew.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.engine import claim, resolve
from orchestra.engine.connections import borrow, now
from orchestra.errors import StaleState
from orchestra.models import Approval, Person, Proposal, Run

REASON = "withdrawn"
FINAL = "Votes are blind here, and you may have seen those of others: yours is not given twice."


def withdraw(uid: UUID, *, by: Person) -> Proposal:
    """Take the person's own vote back. Raises NotFound (absent, not theirs to see), StaleState (too late, no vote)."""
    with borrow():
        proposal = resolve.lock(uid)
        resolve.may_see(proposal, by)
        vote = _open_vote(proposal, by)
        Approval.objects.filter(pk=vote.pk).update(withdrawn_at=Now())
        _close_window(proposal)
        data = {"verdict": vote.verdict, "digest": bytes(vote.digest).hex()}
        moves.note(proposal, actor=f"person:{by.name}", reason=REASON, data=data)
    logs.event("proposal.withdrawn", run=proposal.toolcall.run.uid, verdict=vote.verdict, by=by.name)
    return proposal


def _open_vote(proposal: Proposal, by: Person) -> Approval:
    """The vote, under the lock of the proposal. Raises StaleState."""
    if proposal.state != "pending":
        raise StaleState(f"This is {proposal.state} already, so a vote cannot be taken back any more.")
    if counts_now(proposal):
        raise StaleState("The time to take it back is over: the decision counts.")
    vote = resolve.counted(proposal).filter(person=by).first()
    if vote is None:
        raise StaleState("There is no vote of yours on this.")
    if is_final(proposal, by):
        raise StaleState(FINAL)
    return vote


def is_final(proposal: Proposal, by: Person) -> bool:
    """Whether a vote stays: where votes are blind, whoever has seen those of others gives no other one."""
    others = resolve.counted(proposal).exclude(person=by)
    return bool(proposal.requirements.get("blind")) and others.exists()


def counts_now(proposal: Proposal) -> bool:
    """Whether a grace window is over, though no worker has come by yet to say so. Under a halt time stands still."""
    if proposal.effective_at is None or proposal.effective_at > now():
        return False
    halted = Run.objects.filter(Exists(claim.HALTED), pk=proposal.toolcall.run_id).exists()
    return not halted and resolve.satisfied(proposal, resolve.standing(proposal))


def _close_window(proposal: Proposal) -> None:
    """Where those who are left are not enough, the next agreement opens a window of its own."""
    if proposal.effective_at is None or resolve.satisfied(proposal, resolve.standing(proposal)):
        return
    proposal.effective_at = None
    proposal.save(update_fields=["effective_at"])
