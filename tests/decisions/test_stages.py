"""Stages: groups that decide one after the other."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from orchestra.canonical import Json
from orchestra.errors import NotAllowed
from orchestra.models import Proposal, User
from orchestra.people import persons
from reviews import decisions
from tests.decisions.conftest import Scene, propose


def staged(scene: Scene) -> Proposal:
    """A proposal that first finance and then legal must approve; rob is in both, sue in legal."""
    for group, names in {"finance": ["rob"], "legal": ["rob", "sue"]}.items():
        persons.add_group(group)
        for name in names:
            User.objects.get(username=name).groups.add(Group.objects.get(name=group))
    wanted = {"stages": [["finance", "legal"]], "votes": 2}
    deployment = scene.proposal.deployment
    return propose(deployment, scene.requester, requirements=wanted, votes_needed=2)


def test_later_stage_waits_for_the_earlier_one(scene: Scene) -> None:
    proposal = staged(scene)
    with pytest.raises(NotAllowed, match="First it is for finance"):
        decisions.approve(proposal.uid, by=scene.second_reviewer, digest=bytes(proposal.digest))
    decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest))
    assert Proposal.objects.get(pk=proposal.pk).state == "pending"
    decisions.approve(proposal.uid, by=scene.second_reviewer, digest=bytes(proposal.digest))
    assert Proposal.objects.get(pk=proposal.pk).state == "approved"


def test_one_person_counts_for_one_stage(scene: Scene) -> None:
    proposal = staged(scene)
    decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest))
    sue = User.objects.get(username="sue")
    sue.groups.remove(Group.objects.get(name="legal"))
    sue.groups.add(Group.objects.get(name="finance"))
    with pytest.raises(NotAllowed, match="First it is for legal"):
        decisions.approve(proposal.uid, by=scene.second_reviewer, digest=bytes(proposal.digest))


def test_decision_that_wants_a_fresh_sign_in_is_refused_without_one(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"step_up": True})
    with pytest.raises(NotAllowed, match="Sign in again"):
        decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest))
    digest = bytes(proposal.digest)
    proofs: tuple[Json, ...] = (True, {"digest": "00" * 32})
    for proof in proofs:
        with pytest.raises(NotAllowed, match="Sign in again"):
            decisions.approve(
                proposal.uid, by=scene.reviewer, digest=digest, authentication={"step_up": proof}
            )
    proven: dict[str, Json] = {"step_up": {"digest": digest.hex()}}
    decisions.approve(proposal.uid, by=scene.reviewer, digest=digest, authentication=proven)
    assert Proposal.objects.get(pk=proposal.pk).state == "approved"


def test_whoever_comes_too_early_may_still_reject(scene: Scene) -> None:
    proposal = staged(scene)
    decisions.reject(proposal.uid, by=scene.second_reviewer, digest=bytes(proposal.digest), reason="no")
    assert Proposal.objects.get(pk=proposal.pk).state == "rejected"


def test_groups_of_one_rule_and_stages_of_another_leave_somebody_who_may_vote(scene: Scene) -> None:
    staged(scene)
    wanted = {"groups": ["reviewers"], "stages": [["finance", "legal"]], "votes": 2}
    proposal = propose(scene.proposal.deployment, scene.requester, requirements=wanted, votes_needed=2)
    for person in (scene.reviewer, scene.second_reviewer):
        decisions.approve(proposal.uid, by=person, digest=bytes(proposal.digest))
    assert Proposal.objects.get(pk=proposal.pk).state == "approved"


def test_rejecting_needs_no_fresh_sign_in(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"step_up": True})
    decisions.reject(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="no")
    assert Proposal.objects.get(pk=proposal.pk).state == "rejected"
