"""A vote is taken back while the decision is made of it: one of the two wins, and the other is told so."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import psycopg
import pytest
from django.db import IntegrityError, connections, transaction
from django.db.models.functions import Now

from orchestra.engine import resolve
from orchestra.engine.connections import borrow
from orchestra.errors import OrchestraError, StaleState
from orchestra.models import Approval, Proposal
from reviews import decisions
from tests.databases import Database
from tests.decisions.conftest import Scene, propose
from tests.decisions.conftest import scene as scene
from tests.races.pairs import pair

ROUNDS = 30


def mature(proposal: Proposal) -> None:
    """What the worker does at the end of the window."""
    try:
        with borrow():
            resolve.mature(resolve.lock(proposal.uid))
    finally:
        connections.close_all()


def withdraw(scene: Scene, proposal: Proposal) -> OrchestraError | None:
    try:
        decisions.withdraw(proposal.uid, by=scene.reviewer)
    except OrchestraError as error:
        return error
    finally:
        connections.close_all()
    return None


def test_withdrawing_against_the_end_of_the_window_has_one_winner(scene: Scene) -> None:
    won = set()
    with pair() as both:
        for number in range(ROUNDS):
            proposal = propose(scene.proposal.deployment, scene.requester, requirements={"grace": 60})
            decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="x")
            ends = Now() + timedelta(milliseconds=2 * number)
            Proposal.objects.filter(pk=proposal.pk).update(effective_at=ends)
            refused, _ = both.at_once(
                partial(withdraw, scene, proposal), partial(mature, proposal), delays=(0.02, 0.03)
            )
            mature(proposal)
            after = Proposal.objects.get(pk=proposal.pk)
            taken_back = Approval.objects.get(proposal=proposal).withdrawn_at is not None
            assert (refused is None, taken_back) in {(True, True), (False, False)}
            assert after.state == ("pending" if taken_back else "approved")
            assert refused is None or isinstance(refused, StaleState)
            won.add(taken_back)
    assert won == {True, False}


def test_two_withdrawals_at_once_are_one(scene: Scene) -> None:
    with pair() as both:
        for _ in range(ROUNDS):
            proposal = propose(scene.proposal.deployment, scene.requester, requirements={"grace": 60})
            decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="x")
            twice = partial(withdraw, scene, proposal)
            refused = both.at_once(twice, twice)
            assert sorted(error is None for error in refused) == [False, True]


def test_database_decides_by_no_vote_that_is_just_being_taken_back(database: Database, scene: Scene) -> None:
    """Without any lock of ours: the guard of the vote holds the proposal until it is clear."""
    proposal = propose(scene.proposal.deployment, scene.requester, requirements={"grace": 60})
    decisions.approve(proposal.uid, by=scene.reviewer, digest=bytes(proposal.digest), reason="x")
    with database.connect(autocommit=False) as other:
        other.execute(
            "UPDATE orchestra_approval SET withdrawn_at = now() WHERE proposal_id = %s", [proposal.pk]
        )
        with database.connect() as deciding:
            deciding.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                deciding.execute(
                    "UPDATE orchestra_proposal SET state = 'approved', decided_at = now() WHERE id = %s",
                    [proposal.pk],
                )
        other.commit()
    with pytest.raises(IntegrityError, match="0 of 1 votes"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(state="approved", decided_at=Now())
