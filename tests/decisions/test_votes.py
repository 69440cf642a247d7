"""Who may vote, on what, and what a vote does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db.models.functions import Now

from orchestra.engine import resolve
from orchestra.engine.connections import borrow
from orchestra.errors import Expired, Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Approval, Proposal, Run, ToolCall, User
from reviews import decisions
from tests import factories
from tests.decisions.conftest import Scene, member, propose


def state(proposal: Proposal) -> tuple[str, str]:
    return (Proposal.objects.get(pk=proposal.pk).state, ToolCall.objects.get(pk=proposal.toolcall_id).state)


def test_one_approval_decides_and_wakes_the_run(scene: Scene) -> None:
    before = Run.objects.get(pk=scene.proposal.toolcall.run_id).wake
    decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="fine")
    assert state(scene.proposal) == ("approved", "approved")
    assert Run.objects.get(pk=scene.proposal.toolcall.run_id).wake == before + 1


def test_rejection_needs_a_reason_and_keeps_it(scene: Scene) -> None:
    with pytest.raises(Invalid, match="Say why"):
        decisions.reject(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason=" ")
    decisions.reject(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="wrong customer")
    assert state(scene.proposal) == ("rejected", "rejected")
    assert Approval.objects.get().reason == "wrong customer"


def test_asking_for_changes_sends_it_back(scene: Scene) -> None:
    decisions.ask_changes(
        scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="use the other card"
    )
    assert state(scene.proposal) == ("returned", "returned")


def test_second_reviewer_is_told_who_decided_first(scene: Scene) -> None:
    decisions.reject(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="no")
    with pytest.raises(StaleState, match="rejected by rob"):
        decisions.approve(scene.proposal.uid, by=scene.second_reviewer, digest=scene.digest, reason="yes")


def test_vote_on_other_bytes_is_refused(scene: Scene) -> None:
    for place in range(len(scene.digest)):
        flipped = bytearray(scene.digest)
        flipped[place] ^= 1
        with pytest.raises(StaleState, match="not what would be executed"):
            decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=bytes(flipped), reason="x")
    assert state(scene.proposal) == ("pending", "awaiting_approval")


def test_replayed_approval_is_refused(scene: Scene) -> None:
    decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="x")
    with pytest.raises(StaleState):
        decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="x")
    assert Approval.objects.count() == 1


def test_stranger_learns_nothing(scene: Scene) -> None:
    with pytest.raises(NotFound):
        decisions.approve(scene.proposal.uid, by=scene.outsider, digest=scene.digest, reason="x")


def test_right_revoked_between_opening_and_voting_counts(scene: Scene) -> None:
    User.objects.get(person=scene.reviewer).groups.clear()
    with pytest.raises(NotFound):
        decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="x")


def test_viewer_without_the_right_to_review_is_told_so(scene: Scene) -> None:
    auditor = member("abe", "auditors")
    with pytest.raises(NotAllowed, match="right to review"):
        decisions.approve(scene.proposal.uid, by=auditor, digest=scene.digest, reason="x")


def test_requester_cannot_decide_even_as_superuser_or_through_a_second_account(scene: Scene) -> None:
    second = User.objects.create(username="rita-admin", person=scene.requester, is_superuser=True)
    second.groups.add(Group.objects.get(name="reviewers"))
    with pytest.raises(NotAllowed, match="You requested this"):
        decisions.approve(
            scene.proposal.uid, by=scene.requester, digest=scene.digest, reason="x", account=second
        )


def test_vote_after_the_end_is_refused_and_closes_the_proposal(scene: Scene) -> None:
    Proposal.objects.filter(pk=scene.proposal.pk).update(expires_at=Now() - timedelta(seconds=1))
    with pytest.raises(Expired):
        decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="x")
    assert state(scene.proposal) == ("expired", "expired")


def test_vote_on_a_run_that_is_being_cancelled_is_refused(scene: Scene) -> None:
    Run.objects.filter(pk=scene.proposal.toolcall.run_id).update(cancel_requested_at=Now())
    with pytest.raises(StaleState, match="being cancelled"):
        decisions.approve(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason="x")


def test_two_votes_are_needed_from_two_persons(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    digest = bytes(proposal.digest)
    decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, reason="x")
    with pytest.raises(StaleState, match="voted on this already"):
        decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, reason="x")
    assert state(proposal) == ("pending", "awaiting_approval")
    decisions.approve(proposal.uid, by=scene.second_reviewer, digest=digest, reason="x")
    assert state(proposal) == ("approved", "approved")


def test_vote_of_somebody_who_lost_the_right_meanwhile_does_not_count(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    digest = bytes(proposal.digest)
    decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, reason="x")
    User.objects.get(person=scene.reviewer).groups.clear()
    decisions.approve(proposal.uid, by=scene.second_reviewer, digest=digest, reason="x")
    assert state(proposal) == ("pending", "awaiting_approval")


def test_owner_of_the_agent_cannot_decide(scene: Scene) -> None:
    owner = member("otto", "reviewers")
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    step = factories.step(run)
    version = factories.agentversion()
    version.agent.owner = owner
    version.agent.save()
    call = factories.toolcall(step, turn=factories.turn(step, agent_version=version))
    proposal = factories.proposal(factories.walk(call, "awaiting_approval"))
    with pytest.raises(NotAllowed, match="own the agent"):
        decisions.approve(proposal.uid, by=owner, digest=bytes(proposal.digest), reason="x")


def test_decision_with_a_grace_window_counts_at_its_end(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"grace": 60})
    decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="x")
    assert state(proposal) == ("pending", "awaiting_approval")
    with borrow():
        resolve.mature(resolve.lock(proposal.uid))
    assert state(proposal) == ("pending", "awaiting_approval")
    Proposal.objects.filter(pk=proposal.pk).update(effective_at=Now() - timedelta(seconds=1))
    with borrow():
        resolve.mature(resolve.lock(proposal.uid))
    assert state(proposal) == ("approved", "approved")


def test_rejection_within_the_grace_window_wins(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"grace": 60})
    digest = bytes(proposal.digest)
    decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, reason="x")
    decisions.reject(proposal.uid, by=scene.second_reviewer, digest=digest, reason="wait, no")
    assert state(proposal) == ("rejected", "rejected")


def test_reason_that_cannot_be_stored_is_refused_in_words(scene: Scene) -> None:
    for reason in ("no\0", "no\ud800", "x" * 5_000):
        with pytest.raises(Invalid):
            decisions.reject(scene.proposal.uid, by=scene.reviewer, digest=scene.digest, reason=reason)
    assert state(scene.proposal) == ("pending", "awaiting_approval")


def test_every_group_that_is_asked_must_be_among_the_votes(scene: Scene) -> None:
    legal = member("lea", "operators")
    asked = {"groups": ["operators", "reviewers"]}
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2, requirements=asked)
    digest = bytes(proposal.digest)
    decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, reason="x")
    decisions.approve(proposal.uid, by=scene.second_reviewer, digest=digest, reason="x")
    assert state(proposal) == ("pending", "awaiting_approval")
    decisions.approve(proposal.uid, by=legal, digest=digest, reason="x")
    assert state(proposal) == ("approved", "approved")


def test_only_members_of_the_asked_groups_decide(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"groups": ["operators"]})
    with pytest.raises(NotAllowed, match="for operators to decide"):
        decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="x")
