"""Takes people's votes on proposals: who may, on which bytes, how many; then moves proposal and call, and wakes the run.

Refuses a vote on anything else than what is pending now with exactly that digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Q, QuerySet
from django.db.models.functions import Coalesce, Least, Now

from orchestra import logs, moves
from orchestra.canonical import Json
from orchestra.engine import cancel, claim, dispatch, quorum, verdicts, words
from orchestra.engine.connections import borrow, now
from orchestra.engine.quorum import Wanted
from orchestra.errors import Expired, FailureClass, Halted, Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Approval, Person, PolicyVersion, Proposal, Run, ToolCall, User, Vote
from orchestra.people import duties, roles

#: From this tier on an approval needs a reason too.
REASON_FROM_TIER = 3
#: Rules as a ruling keeps them.
Rules = Iterable[Mapping[str, Any]]
#: A grace window ends so long before the proposal does.
BEFORE_THE_END = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's vote as it comes in: the digest they saw, what they say, and how they were signed in."""

    verdict: Vote
    digest: bytes
    reason: str = ""
    category: str = ""
    opened_at: datetime | None = None
    authentication: Mapping[str, Json] = field(default_factory=dict)


def vote(*, uid: UUID, by: Person, ballot: Ballot, account: User | None = None) -> Proposal:
    """Count one vote; the last needed one decides.

    Raises NotFound (absent, or not theirs to see), NotAllowed (rights or duties), StaleState (decided, changed,
    voted already), Expired, Invalid (reason missing).
    """
    ballot = cleaned(ballot)
    with borrow():
        proposal = lock(uid)
        may_see(proposal, by)
        overdue = is_overdue(proposal)
        if overdue:
            expire(proposal)
        else:
            cast(proposal, by, ballot, account)
    if overdue:
        raise Expired("The time to decide this has run out; nothing was executed.")
    logs.event(
        "proposal.voted", run=proposal.toolcall.run.uid, verdict=ballot.verdict, outcome=proposal.state
    )
    return proposal


def cleaned(ballot: Ballot) -> Ballot:
    """With words that can be kept. Raises Invalid."""
    return replace(ballot, reason=words.reason(ballot.reason), category=words.reason(ballot.category))


def lock(uid: UUID) -> Proposal:
    """The proposal with its call and run, locked in the order run, call, proposal. Raises NotFound."""
    ids = Proposal.objects.filter(uid=uid).values_list("toolcall__run__uid", "toolcall_id").first()
    if ids is None:
        raise NotFound(f"There is no proposal {uid}.")
    run = cancel.lock(ids[0])
    call = ToolCall.objects.select_for_update(of=("self",)).get(pk=ids[1])
    proposal = (
        Proposal.objects.select_for_update(of=("self",)).select_related("deployment", "ruling").get(uid=uid)
    )
    call.run, proposal.toolcall = run, call
    return proposal


def may_see(proposal: Proposal, by: Person) -> None:
    """A stranger is told the same as for a proposal that does not exist."""
    if not roles.may(by, "view", proposal.deployment):
        raise NotFound(f"There is no proposal {proposal.uid}.")


def objection(
    proposal: Proposal, by: Person, *, verdict: str = Vote.APPROVE, may_review: bool | None = None
) -> str | None:
    """Why this person may not decide so on this proposal now; None when they may. Stages hold up approvals only.

    `may_review`: whether they have the right, where the caller has read that with the proposal.
    """
    wanted = proposal.requirements
    against = _objection(proposal, by, wanted, may_review=may_review)
    if against is not None or verdict != Vote.APPROVE or not quorum.stages(wanted):
        return against
    return quorum.too_early(wanted, by, standing(proposal))


def _objection(
    proposal: Proposal, by: Person, wanted: Wanted, rules: Rules = (), *, may_review: bool | None = None
) -> str | None:
    """What stands against the person, whoever else has voted."""
    if not (roles.may(by, "review", proposal.deployment) if may_review is None else may_review):
        return "You may look at this, but deciding needs the right to review here."
    if said := quorum.outside(wanted, by):
        return said
    tier = max(proposal.tier, int(wanted.get("tier") or 1))
    others = bool(wanted.get("other_than_editor")) or tier >= REASON_FROM_TIER
    behind = parties(proposal.toolcall, [*proposal.ruling.rules, *rules])
    return duties.objection(by.pk, behind, other_than_editor=others)


def parties(call: ToolCall, rules: Rules = ()) -> duties.Parties:
    """Everybody who has a part in a call, and in the rules behind it."""
    task = call.run.task
    agent = call.turn.agent_version.agent if call.turn is not None else None
    return duties.Parties(
        requester=task.requester_id,
        agent_owner=agent.owner_id if agent is not None else None,
        service_owner=task.service.owner_id if task.service is not None else None,
        rule_authors=_authors(rules),
        editors=frozenset(_editors(call)),
    )


def _editors(call: ToolCall) -> Iterator[int]:
    """Everybody who changed the call, or one that it takes the place of."""
    link: ToolCall | None = call
    while link is not None:
        if link.edited_by_id is not None:
            yield link.edited_by_id
        link = link.parent


def _authors(rules: Rules) -> frozenset[int]:
    """Who wrote the rules: by the version that each is in, and by name where that is all we know."""
    digests = [bytes.fromhex(str(rule["digest"])) for rule in rules if rule.get("digest")]
    names = {rule["author"] for rule in rules if rule.get("author")}
    if not digests and not names:
        return frozenset()
    wrote = PolicyVersion.objects.filter(digest__in=digests).values("author")
    return frozenset(Person.objects.filter(Q(name__in=names) | Q(pk__in=wrote)).values_list("pk", flat=True))


def standing(proposal: Proposal, wanted: Wanted | None = None, rules: Rules | None = None) -> list[Approval]:
    """The approvals that count now, in their order: of persons who still have the right and stand outside the action.

    `wanted` and `rules` are other ones than its own: what is asked at the gate, and by whose rules.
    """
    wanted = proposal.requirements if wanted is None else wanted
    votes = counted(proposal).filter(verdict=Vote.APPROVE, digest=proposal.digest).select_related("person")
    return [
        vote
        for vote in votes.order_by("pk")
        if _objection(proposal, vote.person, wanted, rules or ()) is None and _does(vote, wanted)
    ]


def counted(proposal: Proposal) -> QuerySet[Approval]:
    """The votes that nobody has taken back."""
    return proposal.approvals.filter(withdrawn_at__isnull=True)


def _does(vote: Approval, wanted: Wanted) -> bool:
    """Whether a vote brings what is asked of each: a reason, a fresh sign-in."""
    if wanted.get("step_up") and not is_proven(vote.authentication, bytes(vote.digest)):
        return False
    return bool(vote.reason) or not wanted.get("reason")


def is_proven(authentication: Mapping[str, Json], digest: bytes) -> bool:
    """Whether somebody has just proved who they are, for exactly this digest."""
    proof = authentication.get("step_up")
    return isinstance(proof, Mapping) and proof.get("digest") == digest.hex()


def turned_down(proposal: Proposal, wanted: Wanted) -> bool:
    """Whether so many have voted against it as these requirements need to refuse it."""
    return counted(proposal).filter(verdict=Vote.REJECT).count() >= int(wanted.get("rejects") or 1)


def satisfied(proposal: Proposal, votes: Sequence[Approval], wanted: Wanted | None = None) -> bool:
    """Whether these approvals are enough for what is wanted."""
    return quorum.is_enough(
        proposal.requirements if wanted is None else wanted, votes, least=proposal.votes_needed
    )


def expire(proposal: Proposal) -> None:
    """Close a proposal whose time has run out, with its call, and wake the run. The caller holds the locks."""
    _decide(proposal, "expired", "expired", actor="system", reason="Nobody decided in time.")


def mature(proposal: Proposal) -> None:
    """At the end of the grace window: decide, if those who agreed still count. The caller holds the locks."""
    over = proposal.effective_at is not None and proposal.effective_at <= now()
    if proposal.state == "pending" and over and satisfied(proposal, standing(proposal)):
        _decide(proposal, "approved", "approved", actor="system", reason="the grace window is over")


def withdraw(proposal: Proposal, *, target: str, call_target: str, actor: str, reason: str) -> None:
    """Close a proposal that is no longer needed (cancelled, superseded). The caller holds the locks."""
    _decide(proposal, target, call_target, actor=actor, reason=reason)


def cast(proposal: Proposal, by: Person, ballot: Ballot, account: User | None) -> None:
    """Count one vote on a proposal that the caller has locked; the last needed one decides. Raises as `vote`."""
    check(proposal, by, ballot)
    asks = ballot.verdict == Vote.APPROVE and proposal.requirements.get("step_up")
    if asks and not is_proven(ballot.authentication, ballot.digest):
        raise NotAllowed("Sign in again for this decision: the rule wants proof that it is you, now.")
    _count(proposal, by, ballot, account)


def is_overdue(proposal: Proposal) -> bool:
    """Whether it waits in vain: its time has run out, and nobody has closed it yet. Under a halt time stands still."""
    if proposal.state != "pending" or proposal.expires_at is None or proposal.expires_at > now():
        return False
    return not Run.objects.filter(Exists(claim.HALTED), pk=proposal.toolcall.run_id).exists()


def check(proposal: Proposal, by: Person, ballot: Ballot) -> None:
    """Whether this vote may be counted now; raises as `vote`. First what is asked, then who asks, then what they say.

    Whether they have proved who they are is asked when the vote is cast: an edit alone lets nothing pass.
    """
    _is_open(proposal, by, ballot)
    if against := objection(proposal, by, verdict=ballot.verdict):
        raise NotAllowed(against)
    needs_reason = ballot.verdict != Vote.APPROVE or proposal.tier >= REASON_FROM_TIER
    if (needs_reason or proposal.requirements.get("reason")) and not ballot.reason:
        raise Invalid.at(
            "/reason", "Say why: the reason is kept, and the agent gets it when you do not approve."
        )


def _is_open(proposal: Proposal, by: Person, ballot: Ballot) -> None:
    if proposal.state == "expired":
        raise Expired("The time to decide this has run out; nothing was executed.")
    if proposal.state != "pending":
        raise StaleState(_who_decided(proposal), details={"state": proposal.state})
    if bytes(proposal.digest) != ballot.digest:
        raise StaleState("What you looked at is not what would be executed now. Read it again.")
    if proposal.expires_at is not None and proposal.expires_at <= now():
        raise Halted("This is halted, and its time stands still. Decide when the halt is lifted.")
    if proposal.toolcall.run.cancel_requested_at is not None:
        raise StaleState("The run is being cancelled; nothing will be executed.")
    if counted(proposal).filter(person=by).exists():
        raise StaleState("You have voted on this already.")


def _who_decided(proposal: Proposal) -> str:
    decider = verdicts.person(proposal)
    who = f" by {decider}" if decider is not None else ""
    when = f" at {proposal.decided_at:%Y-%m-%d %H:%M} UTC" if proposal.decided_at is not None else ""
    return f"This was {proposal.state}{who}{when}."


def _count(proposal: Proposal, by: Person, ballot: Ballot, account: User | None) -> None:
    """Insert the vote under the proposal's lock, then count: two last votes at once cannot miss each other."""
    Approval.objects.create(
        proposal=proposal,
        person=by,
        account=account,
        digest=ballot.digest,
        verdict=ballot.verdict,
        category=ballot.category,
        reason=ballot.reason,
        opened_at=ballot.opened_at,
        authentication=dict(ballot.authentication),
    )
    actor = f"person:{by.name}"
    if ballot.verdict == Vote.CHANGES:
        _decide(proposal, "returned", "returned", actor=actor, reason=ballot.reason)
    elif ballot.verdict == Vote.REJECT:
        rejects = counted(proposal).filter(verdict=Vote.REJECT).count()
        if rejects >= proposal.rejects_needed:
            _decide(proposal, "rejected", "rejected", actor=actor, reason=ballot.reason)
    elif satisfied(proposal, standing(proposal)):
        _agree(proposal, actor, ballot.reason or "enough approvals")


def _agree(proposal: Proposal, actor: str, reason: str) -> None:
    """Enough have agreed: decide now, or wait for the end of the grace window, in which all is still open."""
    grace = float(proposal.requirements.get("grace") or 0)
    if not grace or (proposal.effective_at is not None and proposal.effective_at <= now()):
        _decide(proposal, "approved", "approved", actor=actor, reason=reason)
    elif proposal.effective_at is None:
        proposal.effective_at = now() + timedelta(seconds=grace)
        if proposal.expires_at is not None:
            proposal.effective_at = min(proposal.effective_at, proposal.expires_at - BEFORE_THE_END)
        proposal.save(update_fields=["effective_at"])
        moves.note(proposal, actor=actor, reason=f"counts in {grace:g} s: {reason}")
        _wake(proposal, proposal.effective_at)


def _decide(proposal: Proposal, target: str, call_target: str, *, actor: str, reason: str) -> None:
    call = proposal.toolcall
    moves.move(
        proposal,
        target,
        actor=actor,
        reason=reason,
        data={"digest": bytes(proposal.digest).hex()},
        decided_at=Now(),
    )
    columns: dict[str, Any] = {"proposal": proposal}
    if call_target != "approved":
        failure = FailureClass.LIMIT if call_target == "expired" else FailureClass.POLICY_BLOCK
        columns = {"finished_at": Now(), "error": reason, "failure_class": str(failure)}
    moves.move(call, call_target, actor=actor, reason=reason, **columns)
    _wake(proposal, now())


def _wake(proposal: Proposal, due: datetime) -> None:
    run_id = proposal.toolcall.run_id
    live = Run.objects.filter(pk=run_id, finished_at__isnull=True)
    live.update(wake=F("wake") + 1)
    live.exclude(state="escalated").update(due_at=Least(Coalesce("due_at", due), due))
    dispatch.announce([run_id])
