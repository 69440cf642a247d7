"""What a reviewer must know of one proposal, as plain data: what would happen, why it is asked, who asked, what is sent.

What others wrote is shown with every unseen character as its code point. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.engine.case import PREVIEW
from orchestra.models import Approval, Person, Proposal, ToolCall
from orchestra.runs import masks
from orchestra.tools import redaction, toolbox
from orchestra.tools.sentences import Segment, segments, visible
from reviews.proposal.marks import Piece, pieces

TIERS: Final[Mapping[int, str]] = {1: "low", 2: "medium", 3: "high", 4: "critical"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands at the head of a proposal's page and at its foot: the sentence, why it is asked, what is sent."""

    proposal: Proposal
    call: ToolCall
    sentence: Sequence[Segment]
    tier: str
    asked: str
    needs: str
    rules: Sequence[Mapping[str, Any]]
    request: str
    canonical: str
    digest: str
    agent_says: Sequence[Piece]
    before: Sequence[ToolCall]
    reverse: str
    editable: bool


def of(proposal: Proposal) -> Facts:
    """The facts of a proposal."""
    call = proposal.toolcall
    shown = masked(proposal, args=call.arguments)["args"]
    return Facts(
        proposal=proposal,
        call=call,
        sentence=sentence(proposal),
        tier=TIERS[proposal.tier],
        asked=asked(proposal),
        needs=needs(proposal),
        rules=[{**hit, "where": rule(hit)} for hit in proposal.ruling.rules],
        request="\n".join(request(proposal)),
        canonical=visible(canonical.encode(shown).decode()),
        digest=bytes(proposal.digest).hex(),
        agent_says=pieces(call.agent_reason, lines=True),
        before=list(_before(call)),
        reverse=_reverse(call),
        editable=call.tool_version_id is not None and not hidden(proposal),
    )


def asked(proposal: Proposal) -> str:
    """What it is about, who asked for it, and who does it."""
    call, task = proposal.toolcall, proposal.toolcall.run.task
    by = str(task.requester or task.service)
    agent = f", done by agent {call.turn.agent_version}" if call.turn is not None else ""
    editor = f", changed by {call.edited_by}" if call.edited_by is not None else ""
    return f"“{visible(task.subject)}” by {by}{agent}{editor}"


def rule(hit: Mapping[str, Any]) -> str:
    """Where a rule stands, and what it says of the call."""
    version = f" v{hit['version']}" if hit["version"] else ""
    return f"{hit['verdict']}, {hit['id']} of {hit['policy']}{version}"


def needs(proposal: Proposal) -> str:
    """What it takes to decide, in words."""
    wanted = proposal.requirements
    said = [f"{proposal.votes_needed} to approve", f"{proposal.rejects_needed} to reject"]
    said += [f"one of {group}" for group in wanted.get("groups") or ()]
    said += [" then ".join(chain) for chain in wanted.get("stages") or ()]
    if needs_reason(proposal):
        said.append("a reason")
    if proposal.expires_at is not None:
        said.append(f"until {proposal.expires_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(said)


def needs_reason(proposal: Proposal) -> bool:
    """Whether an approval needs a reason too."""
    return bool(proposal.requirements.get("reason")) or proposal.tier >= resolve.REASON_FROM_TIER


def votes(proposal: Proposal, reader: Person) -> list[Approval]:
    """The votes so far. Where they are blind, nobody sees those of others before their own."""
    rows = proposal.approvals.filter(withdrawn_at__isnull=True)
    found = list(rows.select_related("person").order_by("pk"))
    blind = proposal.state == "pending" and proposal.requirements.get("blind")
    return [] if blind and all(vote.person_id != reader.pk for vote in found) else found


def request(proposal: Proposal) -> Iterator[str]:
    """The lines that would be sent, and which secret is added; where an argument is not shown, only where they go."""
    yield from masks.request(proposal.toolcall)


def observed(call: ToolCall) -> Json:
    """What was read of the other system when the call was judged; None where it could not be."""
    kept = call.witness
    return None if kept is None else {name: value for name, value in kept.items() if name != PREVIEW}


def masked(proposal: Proposal, **values: Json) -> dict[str, Json]:
    """Values without what reviewers do not see."""
    return redaction.masked(values, hidden(proposal))


def hidden(proposal: Proposal) -> list[str]:
    """Paths of what reviewers do not see: by the tool, and by the rules."""
    return [*_of_tool(proposal.toolcall), *(proposal.requirements.get("redact") or ())]


def _of_tool(call: ToolCall) -> tuple[str, ...]:
    return tuple(toolbox.declared(call.tool_version_id).redact) if call.tool_version_id is not None else ()


def sentence(proposal: Proposal) -> list[Segment]:
    """What it does, in parts: the tool's own words, and values of the arguments."""
    call = proposal.toolcall
    if call.tool_version_id is None:
        return [Segment(proposal.sentence)]
    ruled = proposal.requirements.get("redact") or ()
    return segments(toolbox.declared(call.tool_version_id), call.arguments, ruled)


def _reverse(call: ToolCall) -> str:
    """The tool that undoes what this one does, if there is one."""
    use = toolbox.declared(call.tool_version_id).reverse if call.tool_version_id is not None else None
    return use.tool if use is not None else ""


def _before(call: ToolCall) -> Iterator[ToolCall]:
    """The calls that this one takes the place of, the newest first."""
    before = call.parent
    while before is not None:
        yield before
        before = before.parent
