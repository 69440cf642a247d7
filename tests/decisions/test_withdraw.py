"""Votes that are taken back: they stop to count, the person may vote anew, and what is decided stays decided."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db.models.functions import Now

from orchestra.engine import halt, resolve
from orchestra.engine.connections import borrow
from orchestra.errors import NotFound, StaleState
from orchestra.models import Approval, AuditEvent, Person, Proposal
from orchestra.models.halts import Scope
from reviews import decisions, queue
from reviews.queue import Filters
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import Scene, member, propose


def slow(scene: Scene, **columns: object) -> Proposal:
    """A proposal whose decision counts after a minute."""
    wanted = {"requirements": {"grace": 60}, **columns}
    return propose(scene.proposal.deployment, scene.requester, **wanted)


def approve(proposal: Proposal, by: Person) -> None:
    decisions.approve(proposal.uid, by=by, digest=bytes(proposal.digest), reason="x")


def again(proposal: Proposal) -> Proposal:
    return Proposal.objects.get(pk=proposal.pk)


def over(proposal: Proposal) -> None:
    """The window ends."""
    Proposal.objects.filter(pk=proposal.pk).update(effective_at=Now() - timedelta(seconds=1))


def mature(proposal: Proposal) -> str:
    with borrow():
        resolve.mature(resolve.lock(proposal.uid))
    return again(proposal).state


def test_withdrawn_vote_does_not_count_at_the_end_of_the_window(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    assert again(proposal).effective_at is None
    over(proposal)
    assert mature(proposal) == "pending"


def test_vote_after_a_withdrawn_one_opens_a_window_of_its_own(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    approve(proposal, scene.reviewer)
    assert (again(proposal).state, again(proposal).effective_at is not None) == ("pending", True)
    votes = Approval.objects.filter(proposal=proposal, person=scene.reviewer).order_by("pk")
    assert [vote.withdrawn_at is None for vote in votes] == [False, True]
    over(proposal)
    assert mature(proposal) == "approved"


def test_window_stays_open_for_those_who_are_enough_without_the_vote(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    approve(proposal, scene.second_reviewer)
    decisions.withdraw(proposal.uid, by=scene.second_reviewer)
    over(proposal)
    assert mature(proposal) == "approved"


def test_withdrawn_vote_does_not_make_a_quorum(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    approve(proposal, scene.reviewer)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    approve(proposal, scene.second_reviewer)
    assert again(proposal).state == "pending"
    approve(proposal, scene.reviewer)
    assert again(proposal).state == "approved"


def test_withdrawn_rejection_does_not_refuse(scene: Scene) -> None:
    wanted = {"rejects": 2, "votes": 1}
    proposal = propose(scene.proposal.deployment, scene.requester, rejects_needed=2, requirements=wanted)
    for person in (scene.reviewer, scene.second_reviewer):
        decisions.reject(proposal.uid, by=person, digest=bytes(proposal.digest), reason="no")
        if person == scene.reviewer:
            decisions.withdraw(proposal.uid, by=person)
    assert again(proposal).state == "pending"
    assert not resolve.turned_down(again(proposal), wanted)


def test_withdrawing_is_in_the_record_with_who_and_what(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    event = AuditEvent.objects.filter(kind="proposal", object_id=proposal.pk).order_by("pk").last()
    assert event is not None
    assert (event.actor, event.reason, event.source, event.target) == (
        "person:rob",
        "withdrawn",
        "pending",
        "pending",
    )


def test_after_withdrawing_it_is_the_persons_turn_again(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    reader = queue.reader(scene.reviewer)
    assert proposal not in queue.page("yours", reader, Filters()).rows
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    assert proposal in queue.page("yours", reader, Filters()).rows


def test_what_is_decided_cannot_be_withdrawn(scene: Scene) -> None:
    approve(scene.proposal, scene.reviewer)
    with pytest.raises(StaleState, match="approved already"):
        decisions.withdraw(scene.proposal.uid, by=scene.reviewer)


def test_window_that_is_over_cannot_be_gone_back_to_though_no_worker_has_come_by(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    over(proposal)
    with pytest.raises(StaleState, match="time to take it back is over"):
        decisions.withdraw(proposal.uid, by=scene.reviewer)
    assert mature(proposal) == "approved"


def test_time_to_withdraw_stands_still_under_a_halt(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    halt.set_on(Scope.GLOBAL, by=member("olga", "operators"), reason="a fire")
    over(proposal)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    assert mature(proposal) == "pending"


def test_blind_vote_stays_from_when_there_is_one_of_somebody_else_to_see(scene: Scene) -> None:
    wanted = {"votes_needed": 3, "requirements": {"blind": True, "votes": 3}}
    proposal = propose(scene.proposal.deployment, scene.requester, **wanted)
    approve(proposal, scene.reviewer)
    decisions.withdraw(proposal.uid, by=scene.reviewer)
    approve(proposal, scene.second_reviewer)
    approve(proposal, scene.reviewer)
    for person in (scene.reviewer, scene.second_reviewer):
        with pytest.raises(StaleState, match="not given twice"):
            decisions.withdraw(proposal.uid, by=person)
    assert resolve.counted(again(proposal)).count() == 2


def test_nobody_withdraws_the_vote_of_somebody_else(scene: Scene) -> None:
    proposal = slow(scene)
    approve(proposal, scene.reviewer)
    with pytest.raises(StaleState, match="no vote of yours"):
        decisions.withdraw(proposal.uid, by=scene.second_reviewer)
    with pytest.raises(NotFound):
        decisions.withdraw(proposal.uid, by=scene.outsider)


def test_app_role_can_withdraw_a_vote_and_change_nothing_else_of_it(database: Database) -> None:
    vote = factories.approval()
    with database.connect() as connection:
        for column, value in (("verdict", "reject"), ("withdrawn_at", None)):
            with pytest.raises(
                (psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityConstraintViolation)
            ):
                connection.execute(f"UPDATE orchestra_approval SET {column} = %s", [value])
        connection.execute("UPDATE orchestra_approval SET withdrawn_at = now()")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
            connection.execute("UPDATE orchestra_approval SET withdrawn_at = now()")
    vote.refresh_from_db()
    assert (vote.verdict, vote.withdrawn_at is not None) == ("approve", True)


def test_database_counts_no_withdrawn_votes(database: Database) -> None:
    proposal = factories.proposal()
    vote = factories.approval(proposal)
    Approval.objects.filter(pk=vote.pk).update(withdrawn_at=Now())
    with pytest.raises(Exception, match="0 of 1 votes"):
        _force(proposal)


def _force(proposal: Proposal) -> None:
    """Approve without a vote that counts."""
    with borrow():
        Proposal.objects.filter(pk=proposal.pk).update(state="approved", decided_at=Now())
