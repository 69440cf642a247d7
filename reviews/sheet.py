"""One proposal as plain text: all that a person must know to decide, with the exact request and its digest.

What others wrote is quoted, with every character that one cannot see as its code point. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.models import Approval, Person, Proposal, ToolCall
from orchestra.tools import redaction, toolbox
from orchestra.tools.sentences import visible

TIERS: Final = {1: "low", 2: "medium", 3: "high", 4: "critical"}
MANAGE: Final = "manage.py proposal"


def lines(proposal: Proposal, reader: Person) -> Iterator[str]:
    """The whole sheet, for this reader."""
    yield proposal.sentence
    yield _entry(
        "proposal", f"{proposal.uid}, {proposal.state}, tier {proposal.tier} ({TIERS[proposal.tier]})"
    )
    yield _entry("run", f"{proposal.toolcall.run.uid} of {proposal.deployment}")
    yield _entry("asked for", _asked(proposal))
    for hit in proposal.ruling.rules:
        yield _entry("rule", f"{_rule(hit)}: {hit['message']}")
    yield _entry("needs", _needs(proposal))
    for vote in _votes(proposal, reader):
        yield _entry("vote", f"{vote.verdict} by {vote.person}: {visible(vote.reason) or 'no reason given'}")
    yield from _request(proposal)
    yield _entry("seen", _json(_masked(proposal, observed=proposal.toolcall.witness)["observed"]))
    yield _entry(
        "preview", _json(proposal.preview) if proposal.preview else "This tool cannot show beforehand."
    )
    if said := proposal.toolcall.agent_reason:
        yield _entry("agent says", f"“{visible(said)}” (its own words, nothing is proven)")
    yield _entry("digest", bytes(proposal.digest).hex())
    yield from _decide(proposal, reader)


def short(proposal: Proposal, reader: Person) -> str:
    """One line for a list."""
    against = resolve.objection(proposal, reader)
    note = f"  (not yours: {against})" if against else ""
    return f"{proposal.uid}  tier {proposal.tier}  {proposal.deployment}  {proposal.sentence}{note}"


def _asked(proposal: Proposal) -> str:
    call, task = proposal.toolcall, proposal.toolcall.run.task
    by = str(task.requester or task.service)
    agent = f", done by agent {call.turn.agent_version}" if call.turn is not None else ""
    editor = f", changed by {call.edited_by}" if call.edited_by is not None else ""
    return f"“{visible(task.subject)}” by {by}{agent}{editor}"


def _rule(hit: dict[str, Any]) -> str:
    version = f" v{hit['version']}" if hit["version"] else ""
    return f"{hit['verdict']}, {hit['id']} of {hit['policy']}{version}"


def _needs(proposal: Proposal) -> str:
    wanted = proposal.requirements
    said = [f"{proposal.votes_needed} to approve", f"{proposal.rejects_needed} to reject"]
    said += [f"one of {group}" for group in wanted.get("groups") or ()]
    said += [" then ".join(chain) for chain in wanted.get("stages") or ()]
    if wanted.get("reason") or proposal.tier >= resolve.REASON_FROM_TIER:
        said.append("a reason")
    if proposal.expires_at is not None:
        said.append(f"until {proposal.expires_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(said)


def _votes(proposal: Proposal, reader: Person) -> list[Approval]:
    """The votes so far. Where they are blind, nobody sees those of others before their own."""
    votes = list(proposal.approvals.select_related("person").order_by("pk"))
    blind = proposal.state == "pending" and proposal.requirements.get("blind")
    return [] if blind and all(vote.person_id != reader.pk for vote in votes) else votes


def _request(proposal: Proposal) -> Iterator[str]:
    """The bytes that would be sent; where something is not to be shown, the arguments without it."""
    call = proposal.toolcall
    yield _entry("request", visible(f"{call.method} {call.target}{call.path}"))
    for name, value in call.headers:
        yield _entry("", visible(f"{name}: {value}"))
    if _hidden(proposal):
        yield _entry("arguments", _json(_masked(proposal, args=call.arguments)["args"]))
    else:
        yield _entry("", visible(bytes(call.body or b"").decode("utf-8", "replace")))


def _masked(proposal: Proposal, **values: Json) -> dict[str, Json]:
    return redaction.masked(values, _hidden(proposal))


def _hidden(proposal: Proposal) -> list[str]:
    """Paths of what reviewers do not see: by the tool, and by the rules."""
    return [*_of_tool(proposal.toolcall), *(proposal.requirements.get("redact") or ())]


def _of_tool(call: ToolCall) -> tuple[str, ...]:
    return tuple(toolbox.declared(call.tool_version_id).redact) if call.tool_version_id is not None else ()


def _decide(proposal: Proposal, reader: Person) -> Iterator[str]:
    if proposal.state != "pending":
        return
    if against := resolve.objection(proposal, reader):
        yield _entry("decide", against)
        return
    what = f"{proposal.uid} --digest {bytes(proposal.digest).hex()} --as {reader.name}"
    for verb in ("approve", "reject"):
        yield f"  {MANAGE} {verb} {what} --reason '...'"


def _json(value: Json) -> str:
    return visible(canonical.encode(value).decode())


def _entry(name: str, text: str) -> str:
    return f"  {name:<10}  {text}"
