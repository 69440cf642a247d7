"""Edit-then-approve: a reviewer's own arguments take the place of the agent's, and are judged like any others.

The editor's vote counts for what the editor saw: only while the foreign system is still as it was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import IntegrityError

from orchestra import canonical, logs
from orchestra.canonical import Json
from orchestra.engine import history, propose, resolve
from orchestra.engine.case import Case, remembered
from orchestra.engine.connections import borrow
from orchestra.engine.resolve import Ballot
from orchestra.errors import Expired, Invalid, NotAllowed, StaleState
from orchestra.models import Edit, Person, Proposal, ToolCall, User, Vote
from orchestra.tools import rendering, toolbox


def submit(
    *, uid: UUID, by: Person, ballot: Ballot, arguments: Mapping[str, Json], account: User | None = None
) -> Proposal:
    """Ask for other arguments, and vote for them. The engine makes the new call and judges it.

    Raises as `resolve.vote`, and Invalid with pointers when the arguments do not fit the tool or change nothing.
    """
    ballot = resolve.cleaned(ballot)
    with borrow():
        proposal = resolve.lock(uid)
        resolve.may_see(proposal, by)
        overdue = resolve.is_overdue(proposal)
        if overdue:
            resolve.expire(proposal)
        else:
            resolve.check(proposal, by, ballot)
            _keep(proposal, by, ballot, _fitting(proposal.toolcall, arguments), account)
    if overdue:
        raise Expired("The time to decide this has run out; nothing was executed.")
    logs.event("proposal.edited", run=proposal.toolcall.run.uid, by=by.name)
    return proposal


def of(call: ToolCall) -> Edit | None:
    """What a reviewer wants instead of this call, if it was edited."""
    if call.state != "superseded":
        return None
    return Edit.objects.select_related("person", "account").filter(proposal__toolcall=call).first()


def count(case: Case, made: ToolCall, edit: Edit) -> None:
    """Count the editor's vote on the new call, if they may vote on it and have seen what it is based on."""
    if made.state != "awaiting_approval" or made.parent is None:
        return
    if _seen(made) != _seen(made.parent):
        return
    case.flush()
    proposal = Proposal.objects.select_related("deployment", "ruling").get(toolcall=made)
    proposal.toolcall = made
    ballot = Ballot(
        Vote.APPROVE, bytes(proposal.digest), edit.reason, "", edit.opened_at, dict(edit.authentication)
    )
    try:
        resolve.cast(proposal, edit.person, ballot, edit.account)
    except (NotAllowed, StaleState, Invalid) as error:
        logs.event("edit.not_counted", run=case.flight.run.uid, by=edit.person.name, code=error.code)


def _seen(call: ToolCall) -> bytes:
    """The foreign system as it was shown. Not the preview, which other arguments change by themselves."""
    return propose.witness(remembered(call).observed)


def _fitting(call: ToolCall, arguments: Mapping[str, Json]) -> Json:
    """The arguments, if the tool takes them and they are other ones."""
    if call.revision >= history.MOST_REVISIONS:
        raise Invalid("This was changed too often already. Approve it as it is, or send it back.")
    if call.tool_version_id is None:
        raise Invalid("This call names no tool that is known here.")
    kept = rendering.checked(toolbox.declared(call.tool_version_id), dict(arguments))
    if canonical.encode(kept) == canonical.encode(call.arguments):
        raise Invalid.at("/arguments", "Nothing is changed: approve it as it is.")
    return kept


def _keep(proposal: Proposal, by: Person, ballot: Ballot, arguments: Json, account: User | None) -> None:
    try:
        Edit.objects.create(
            proposal=proposal,
            person=by,
            account=account,
            arguments=arguments,
            reason=ballot.reason,
            opened_at=ballot.opened_at,
            authentication=dict(ballot.authentication),
        )
    except IntegrityError:
        raise StaleState("Somebody has edited this already.") from None
    reason = f"edited: {ballot.reason}" if ballot.reason else "edited"
    resolve.withdraw(
        proposal, target="superseded", call_target="superseded", actor=f"person:{by.name}", reason=reason
    )
