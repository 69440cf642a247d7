"""Proposals over the API: what waits for the person behind the token, and their decision on exactly one digest.

Only people's tokens come in here, and only short-lived ones decide. Refuses to decide in bulk.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from orchestra import instants
from orchestra.api import callers, cursors, shapes
from orchestra.api.callers import Caller, Token
from orchestra.api.shapes import Cursor, Given, Place, Short, Who
from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.engine.connections import borrow
from orchestra.models import Approval, Person, Proposal
from orchestra.tools.sentences import visible
from reviews import decisions, queue
from reviews.proposal import facts
from reviews.queue import Filters

router = Router(tags=["Proposals"])
DIGEST: Final = "^[0-9a-f]{64}$"
Text = Annotated[str, Field(max_length=4_000)]


class ProposalListed(BaseModel):
    """A proposal in a list."""

    uid: UUID
    state: str
    tier: int = Field(description="1 low, 2 medium, 3 high, 4 critical")
    sentence: str = Field(description="What will happen, in the tool's own words.")
    digest: str = Field(description="Of the bytes that would be sent: a decision names it.")
    place: Place
    run: UUID
    task: UUID
    tool: str
    agent: str
    requester: Who
    votes_needed: int
    rejects_needed: int
    created_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None


class VoteTold(BaseModel):
    """One person's vote. While votes are blind, nobody is told those of others before their own."""

    person: str
    verdict: str
    reason: str
    category: str
    at: datetime


class RuleTold(BaseModel):
    """A rule behind the question."""

    where: str
    message: str


class ProposalTold(ProposalListed):
    """One proposal: all that a person must know to decide. What others wrote has unseen characters as code points."""

    asked: str
    needs: str
    needs_reason: bool
    against: str = Field(description="Why the token's holder may not approve; empty when they may.")
    rules: list[RuleTold]
    request: str = Field(description="The request as it would be sent, without secrets.")
    arguments: Any
    observed: Any
    preview: Any
    agent_says: str = Field(description="The agent's own words; nothing of it is proven.")
    votes: list[VoteTold]


class ProposalPage(BaseModel):
    """Proposals: those that wait, the highest tier first, then the oldest; those that are over, the newest first."""

    items: list[ProposalListed]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class ProposalFilters(BaseModel):
    """What is wanted of a tab."""

    tab: Literal["yours", "others", "decided", "expired"] = "yours"
    tier: Short = Field("", description="1, 2, 3 or 4")
    workflow: Short = ""
    environment: Short = ""
    agent: Short = ""
    tool: Short = ""
    cursor: Cursor = ""


class Approve(Given):
    """A vote for exactly these bytes."""

    digest: str = Field(pattern=DIGEST, description="As told: it says what was looked at.")
    reason: Text = Field("", description="Needed from tier 3 on, and where a rule wants one.")
    opened_at: datetime | None = Field(None, description="When it was looked at.", strict=False)


class Reject(Given):
    """A vote against, or for changes: the reason goes back to the agent."""

    digest: str = Field(pattern=DIGEST)
    reason: Text = Field(min_length=1)
    category: Annotated[str, Field(max_length=40)] = ""


class Edit(Approve):
    """Other arguments instead: they are judged anew."""

    arguments: dict[str, Any]


@router.get("", response=shapes.answers(ProposalPage), auth=Token("proposals:read"))
def list_proposals(request: HttpRequest, filters: Query[ProposalFilters]) -> ProposalPage:
    """One page of a tab of the queue: your turn, waiting for others, decided, expired."""
    person = callers.of(request).person()
    given = filters.model_dump(exclude={"tab", "cursor"})
    wanted = Filters(**given, before=cursors.text(filters.cursor))
    page = queue.page(filters.tab, queue.reader(person), wanted)
    return ProposalPage(
        items=[_listed(row) for row in page.rows], next=cursors.made(page.older) if page.older else None
    )


@router.get("/{uuid:uid}", response=shapes.answers(ProposalTold, 404), auth=Token("proposals:read"))
def get_proposal(request: HttpRequest, uid: UUID) -> ProposalTold:
    """One proposal with its request, its digest and what it takes to decide."""
    return _find(uid, callers.of(request).person())


@router.post(
    "/{uuid:uid}/approve",
    response=shapes.answers(ProposalTold, 404, 409, 410, 413, 415, 423),
    auth=Token("proposals:decide"),
)
def approve_proposal(request: HttpRequest, uid: UUID, body: Approve) -> ProposalTold:
    """Vote for exactly the bytes with this digest. Another digest is refused (`stale-state`): read it again."""
    person, told = _deciding(request, uid, body)
    decisions.approve(uid, **told, opened_at=_opened(body))
    return _find(uid, person)


@router.post(
    "/{uuid:uid}/reject",
    response=shapes.answers(ProposalTold, 404, 409, 410, 413, 415, 423),
    auth=Token("proposals:decide"),
)
def reject_proposal(request: HttpRequest, uid: UUID, body: Reject) -> ProposalTold:
    """Vote against; the reason goes to the agent."""
    person, told = _deciding(request, uid, body)
    decisions.reject(uid, **told, category=body.category)
    return _find(uid, person)


@router.post(
    "/{uuid:uid}/changes",
    response=shapes.answers(ProposalTold, 404, 409, 410, 413, 415, 423),
    auth=Token("proposals:decide"),
)
def return_proposal(request: HttpRequest, uid: UUID, body: Reject) -> ProposalTold:
    """Send it back to the agent with what should be different."""
    person, told = _deciding(request, uid, body)
    decisions.ask_changes(uid, **told, category=body.category)
    return _find(uid, person)


@router.post(
    "/{uuid:uid}/edit",
    response=shapes.answers(ProposalTold, 404, 409, 410, 413, 415, 423),
    auth=Token("proposals:decide"),
)
def edit_proposal(request: HttpRequest, uid: UUID, body: Edit) -> ProposalTold:
    """Approve other arguments instead. A new call is made and judged; this vote counts for it where it may."""
    person, told = _deciding(request, uid, body)
    decisions.edit(uid, **told, opened_at=_opened(body), arguments=body.arguments)
    return _find(uid, person)


@router.post(
    "/{uuid:uid}/withdraw",
    response=shapes.answers(ProposalTold, 404, 409, 410),
    auth=Token("proposals:decide"),
)
def withdraw_vote(request: HttpRequest, uid: UUID) -> ProposalTold:
    """Take your own vote back while all is still open."""
    person = callers.of(request).person()
    queue.find(uid, person)
    decisions.withdraw(uid, by=person)
    return _find(uid, person)


def _deciding(request: HttpRequest, uid: UUID, body: Approve | Reject) -> tuple[Person, dict[str, Any]]:
    """Who decides, through what, and what they say; the proposal is theirs to see. Raises NotAllowed, NotFound."""
    caller = callers.of(request)
    person = caller.person()
    queue.find(uid, person)
    said = {"digest": bytes.fromhex(body.digest), "reason": body.reason}
    return person, {"by": person, "authentication": _authentication(caller), **said}


def _authentication(caller: Caller) -> Mapping[str, Json]:
    """How the person was known: a token is no fresh sign-in, so rules that want one refuse it."""
    return {"method": "token", "token": str(caller.token.uid)}


def _opened(body: Approve) -> datetime | None:
    """When it was looked at, where that says in which zone, and can be."""
    return instants.witnessed(body.opened_at, timezone.now())


def _find(uid: UUID, person: Person) -> ProposalTold:
    with borrow():
        proposal = queue.find(uid, person)
        call = proposal.toolcall
        shown = facts.masked(
            proposal, args=call.arguments, observed=facts.observed(call), preview=proposal.preview
        )
        return ProposalTold(
            **_facts(proposal),
            asked=facts.asked(proposal),
            needs=facts.needs(proposal),
            needs_reason=facts.needs_reason(proposal),
            against=resolve.objection(proposal, person) or "",
            rules=[
                RuleTold(where=facts.rule(hit), message=str(hit["message"])) for hit in proposal.ruling.rules
            ],
            request="\n".join(facts.request(proposal)),
            arguments=shown["args"],
            observed=shown["observed"],
            preview=shown["preview"],
            agent_says=visible(call.agent_reason),
            votes=[_vote(vote) for vote in facts.votes(proposal, person)],
        )


def _listed(proposal: Proposal) -> ProposalListed:
    return ProposalListed(**_facts(proposal))


def _facts(proposal: Proposal) -> dict[str, Any]:
    names = (
        "uid", "state", "tier", "sentence", "votes_needed", "rejects_needed", "created_at", "expires_at", "decided_at",
    )  # fmt: skip
    call = proposal.toolcall
    return {
        **{name: getattr(proposal, name) for name in names},
        "digest": bytes(proposal.digest).hex(),
        "place": shapes.place(proposal.deployment),
        "run": call.run.uid,
        "task": call.run.task.uid,
        "tool": call.tool_name,
        "agent": call.turn.agent_version.agent.name if call.turn is not None else "",
        "requester": shapes.requester(call.run.task),
    }


def _vote(vote: Approval) -> VoteTold:
    return VoteTold(
        person=vote.person.name,
        verdict=vote.verdict,
        reason=vote.reason,
        category=vote.category,
        at=vote.created_at,
    )
