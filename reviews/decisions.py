"""What reviewers do with a proposal: approve, reject, ask for changes, edit, withdraw. Every page, API and command goes through here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from orchestra.canonical import Json
from orchestra.engine import edits, resolve, withdrawals
from orchestra.engine.resolve import Ballot
from orchestra.models import Person, Proposal, User, Vote


def approve(
    uid: UUID,
    *,
    by: Person,
    digest: bytes,
    reason: str = "",
    account: User | None = None,
    opened_at: datetime | None = None,
    authentication: Mapping[str, Json] | None = None,
) -> Proposal:
    """Vote for exactly the bytes with this digest. Raises as `resolve.vote`."""
    ballot = Ballot(Vote.APPROVE, digest, reason, "", opened_at, authentication or {})
    return resolve.vote(uid=uid, by=by, ballot=ballot, account=account)


def reject(
    uid: UUID,
    *,
    by: Person,
    digest: bytes,
    reason: str,
    category: str = "",
    account: User | None = None,
    opened_at: datetime | None = None,
    authentication: Mapping[str, Json] | None = None,
) -> Proposal:
    """Vote against; the reason goes back to the agent. Raises as `resolve.vote`."""
    ballot = Ballot(Vote.REJECT, digest, reason, category, opened_at, authentication or {})
    return resolve.vote(uid=uid, by=by, ballot=ballot, account=account)


def ask_changes(
    uid: UUID,
    *,
    by: Person,
    digest: bytes,
    reason: str,
    category: str = "",
    account: User | None = None,
    opened_at: datetime | None = None,
    authentication: Mapping[str, Json] | None = None,
) -> Proposal:
    """Send it back to the agent with what should change. Raises as `resolve.vote`."""
    ballot = Ballot(Vote.CHANGES, digest, reason, category, opened_at, authentication or {})
    return resolve.vote(uid=uid, by=by, ballot=ballot, account=account)


def edit(
    uid: UUID,
    *,
    by: Person,
    digest: bytes,
    arguments: Mapping[str, Json],
    reason: str = "",
    account: User | None = None,
    opened_at: datetime | None = None,
    authentication: Mapping[str, Json] | None = None,
) -> Proposal:
    """Approve other arguments instead: a new call is made and judged, and this vote counts for it.

    Raises as `resolve.vote`, and Invalid when the arguments do not fit the tool or change nothing.
    """
    ballot = Ballot(Vote.APPROVE, digest, reason, "", opened_at, authentication or {})
    return edits.submit(uid=uid, by=by, ballot=ballot, arguments=arguments, account=account)


def withdraw(uid: UUID, *, by: Person) -> Proposal:
    """Take the own vote back while all is still open. Raises as `withdrawals.withdraw`."""
    return withdrawals.withdraw(uid, by=by)
