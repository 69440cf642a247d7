"""The scripted reviewer votes as the label of the recorded call says, at its place, through the usual door."""

from __future__ import annotations

import pytest

from reviews.replay.dataset import Dataset
from reviews.replay.reviewer import Reviewer
from tests.databases import Database
from tests.replay.played import SILENT, Stage, stage, voters

RIGHT = "example/cancellation/0"  # one write, in the fifth message, to approve
WRONG = "example/wrong-payment-method/0"  # one write, in the fifth message, to reject


@pytest.fixture
def right(database: Database) -> Stage:
    made = stage(RIGHT)
    made.said("hello", SILENT, "one", "two", "three", "now")
    return made


def test_what_is_labelled_right_is_approved(right: Stage, example: Dataset) -> None:
    proposal = right.proposed("cancel_pending_order")
    reviewer = Reviewer(example, right.cast.reviewers)
    assert (reviewer.decide(), reviewer.decide()) == (1, 0)
    proposal.refresh_from_db()
    assert proposal.state == "approved"
    assert voters(proposal) == [right.cast.reviewers[0]]
    assert proposal.approvals.get().reason == "Labelled right."


def test_a_second_reviewer_votes_where_one_vote_is_not_enough(right: Stage, example: Dataset) -> None:
    proposal = right.proposed("cancel_pending_order", votes_needed=2)
    Reviewer(example, right.cast.reviewers).decide()
    proposal.refresh_from_db()
    assert proposal.state == "approved"
    assert voters(proposal) == list(right.cast.reviewers)


def test_what_is_labelled_wrong_is_rejected_with_the_broken_rules(
    database: Database, example: Dataset
) -> None:
    made = stage(WRONG)
    made.said("hello", "one", "two", "three", "now")
    proposal = made.proposed("return_delivered_order_items")
    Reviewer(example, made.cast.reviewers).decide()
    proposal.refresh_from_db()
    assert proposal.state == "rejected"
    assert proposal.approvals.get().reason.startswith("Labelled wrong")


def test_a_call_that_the_recording_does_not_have_is_rejected(right: Stage, example: Dataset) -> None:
    proposal = right.proposed("cancel_pending_order", ordinal=1)
    Reviewer(example, right.cast.reviewers).decide()
    proposal.refresh_from_db()
    assert proposal.state == "rejected"
    assert "no write here" in proposal.approvals.get().reason


def test_what_changed_meanwhile_is_left_for_its_next_proposal(right: Stage, example: Dataset) -> None:
    right.run.cancel_requested_at = right.run.created_at
    right.run.save(update_fields=["cancel_requested_at"])
    proposal = right.proposed("cancel_pending_order")
    assert Reviewer(example, right.cast.reviewers).decide() == 1
    proposal.refresh_from_db()
    assert proposal.state == "pending"
