"""What a reviewer must know of one proposal, as plain data: what would happen, why it is asked, who asked, what is sent.

What others wrote is shown with every unseen character as its code point. Reads only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.engine.case import PREVIEW
from orchestra.models import Approval, Person, Proposal, ToolCall
from orchestra.tools import redaction, toolbox
from orchestra.tools.sentences import Segment, segments, visible

TIERS: Final[Mapping[int, str]] = {1: "low", 2: "medium", 3: "high", 4: "critical"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, as it is shown."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page of one proposal. `against` says why the reader may not approve; empty when they may."""

    proposal: Proposal
    call: ToolCall
    sentence: Sequence[Segment]
    tier: str
    asked: str
    needs: str
    rules: Sequence[Mapping[str, Any]]
    arguments: Sequence[Argument]
    observed: str
    preview: str
    request: str
    digest: str
    agent_says: str
    votes: Sequence[Approval]
    against: str
    needs_reason: bool
    before: Sequence[ToolCall]


def of(proposal: Proposal, reader: Person) -> Facts:
    """The facts of a proposal for one reader."""
    call = proposal.toolcall
    shown = masked(proposal, args=call.arguments, observed=observed(call))
    return Facts(
        proposal=proposal,
        call=call,
        sentence=_sentence(proposal),
        tier=TIERS[proposal.tier],
        asked=asked(proposal),
        needs=needs(proposal),
        rules=[{**hit, "where": rule(hit)} for hit in proposal.ruling.rules],
        arguments=_arguments(shown["args"]),
        observed=_pretty(shown["observed"]),
        preview=_pretty(proposal.preview) if proposal.preview else "",
        request="\n".join(request(proposal)),
        digest=bytes(proposal.digest).hex(),
        agent_says=visible(call.agent_reason),
        votes=votes(proposal, reader),
        against=resolve.objection(proposal, reader) or "",
        needs_reason=needs_reason(proposal),
        before=list(_before(call)),
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
    found = list(proposal.approvals.select_related("person").order_by("pk"))
    blind = proposal.state == "pending" and proposal.requirements.get("blind")
    return [] if blind and all(vote.person_id != reader.pk for vote in found) else found


def request(proposal: Proposal) -> Iterator[str]:
    """The lines that would be sent, and which secret is added; where something is not to be shown, no body."""
    call = proposal.toolcall
    yield visible(f"{call.method} {call.target}{call.path}")
    yield from (visible(f"{name}: {value}") for name, value in call.headers)
    if call.credential:
        yield visible(call.credential)
    yield ""
    if hidden(proposal):
        yield "(the body holds what is not shown here)"
    else:
        body = bytes(call.body or b"").decode("utf-8", "replace")
        yield from (visible(line) for line in body.splitlines())


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


def _sentence(proposal: Proposal) -> list[Segment]:
    call = proposal.toolcall
    if call.tool_version_id is None:
        return [Segment(proposal.sentence)]
    return segments(toolbox.declared(call.tool_version_id), call.arguments)


def _before(call: ToolCall) -> Iterator[ToolCall]:
    """The calls that this one takes the place of, the newest first."""
    before = call.parent
    while before is not None:
        yield before
        before = before.parent


def _arguments(arguments: Json) -> list[Argument]:
    if not isinstance(arguments, dict):
        return [Argument("", _pretty(arguments))]
    return [Argument(name, _pretty(value)) for name, value in arguments.items()]


def _pretty(value: Json) -> str:
    if isinstance(value, str):
        return visible(value)
    return "\n".join(visible(line) for line in json.dumps(value, indent=2, ensure_ascii=False).splitlines())
