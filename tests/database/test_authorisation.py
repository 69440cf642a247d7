"""A tool call passes only with a live authorisation for exactly its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from orchestra.models import ToolCall
from tests import factories
from tests.database.session import Session
from tests.databases import Database

Permit = Callable[[ToolCall], dict[str, Any]]


def other_digest() -> bytes:
    """Some other bytes' digest."""
    return bytes(32)


def of_ruling(**columns: Any) -> Permit:
    """A ruling on the call."""
    return lambda call: {"ruling": factories.ruling(call, **columns)}


def of_proposal(state: str = "approved", **columns: Any) -> Permit:
    """A proposal about the call."""
    return lambda call: {"proposal": factories.proposal(call, state=state, **columns)}


LIVE: dict[str, Permit] = {
    "an allowing ruling": of_ruling(),
    "an approved proposal": of_proposal(),
    "an approved proposal that lives on": of_proposal(expires_at=factories.now(3600)),
    "an approval that counts since a moment": of_proposal(effective_at=factories.now(-60)),
}
DEAD: dict[str, Permit] = {
    "no ruling of the call's own": lambda _: {"ruling": factories.ruling()},
    "a ruling of other bytes": of_ruling(digest=other_digest()),
    "a ruling that asks": of_ruling(verdict="review"),
    "a ruling that denies": of_ruling(verdict="deny"),
    "a proposal of another call": lambda _: {"proposal": factories.proposal(state="approved")},
    "a proposal of other bytes": of_proposal(digest=other_digest()),
    "a pending proposal": of_proposal("pending"),
    "a rejected proposal": of_proposal("rejected"),
    "an expired approval": of_proposal(expires_at=factories.now(-60)),
    "an approval that does not count yet": of_proposal(effective_at=factories.now(3600)),
}


@pytest.mark.parametrize("permit", LIVE.values(), ids=LIVE)
def test_a_live_authorisation_lets_it_pass(shared: Database, permit: Permit) -> None:
    call = factories.toolcall()
    factories.walk(call, "approved", **permit(call))
    factories.walk(call, "dispatched")


@pytest.mark.parametrize("permit", DEAD.values(), ids=DEAD)
def test_without_one_it_is_not_approved(shared: Database, permit: Permit) -> None:
    call = factories.toolcall()
    assert "no live authorisation" in attempt(shared, call, "approved", permit(call))


@pytest.mark.parametrize("permit", DEAD.values(), ids=DEAD)
def test_without_one_it_is_not_dispatched(shared: Database, permit: Permit) -> None:
    call = factories.toolcall(state="approved")
    columns: dict[str, Any] = {"ruling": None, "proposal": None, **permit(call)}
    assert "no live authorisation" in attempt(shared, call, "dispatched", columns)


def test_an_authorisation_that_ran_out_since_does_not_let_it_pass(shared: Database) -> None:
    call = factories.toolcall()
    proposal = factories.proposal(call, state="approved", expires_at=factories.now(3600))
    factories.walk(call, "approved", proposal=proposal)
    with shared.connect("admin", autocommit=False) as admin:
        admin.execute("ALTER TABLE orchestra_proposal DISABLE TRIGGER ALL")
        admin.execute("UPDATE orchestra_proposal SET expires_at = now() WHERE id = %s", [proposal.pk])
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="no live authorisation"):
            Session(admin).move(call, "dispatched")
        admin.rollback()


def test_a_call_carries_one_authorisation_not_two(shared: Database) -> None:
    call = factories.toolcall()
    both = {"ruling": factories.ruling(call), "proposal": factories.proposal(call, state="approved")}
    assert "toolcall_has_one_authorisation" in attempt(shared, call, "approved", both)


def test_votes_of_one_person_count_once(shared: Database) -> None:
    proposal = factories.proposal(votes_needed=2)
    person = factories.person()
    factories.approval(proposal, person)
    with shared.connect() as connection, pytest.raises(psycopg.errors.UniqueViolation):
        Session(connection).copy(proposal.approvals.get(), uid=factories.uid())


@pytest.mark.parametrize("vote", [{"verdict": "reject"}, {"verdict": "changes"}, {"digest": other_digest()}])
def test_only_votes_for_these_bytes_count(shared: Database, vote: dict[str, Any]) -> None:
    proposal = factories.proposal()
    factories.approval(proposal, **vote)
    assert "0 of 1 votes" in attempt(shared, proposal, "approved", {"decided_at": factories.now()})


def test_a_proposal_asks_for_at_least_one_vote(shared: Database) -> None:
    with pytest.raises(Exception, match="proposal_needs_votes"):
        factories.proposal(votes_needed=0)


def attempt(database: Database, row: Any, target: str, columns: dict[str, Any]) -> str:
    """What the database says to a move by raw SQL; nothing when it passes."""
    with database.connect(autocommit=False) as connection:
        try:
            Session(connection).move(row, target, columns)
        except psycopg.IntegrityError as refusal:
            return str(refusal)
        finally:
            connection.rollback()
    return ""
