"""One proposal as plain text: all that a person must know to decide, with the exact request and its digest.

What others wrote is quoted, with every character that one cannot see as its code point. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.models import Person, Proposal
from orchestra.tools.sentences import visible
from reviews.proposal import facts

MANAGE: Final = "manage.py proposal"


def lines(proposal: Proposal, reader: Person) -> Iterator[str]:
    """The whole sheet, for this reader."""
    yield proposal.sentence
    yield _entry(
        "proposal", f"{proposal.uid}, {proposal.state}, tier {proposal.tier} ({facts.TIERS[proposal.tier]})"
    )
    yield _entry("run", f"{proposal.toolcall.run.uid} of {proposal.deployment}")
    yield _entry("asked for", facts.asked(proposal))
    for hit in proposal.ruling.rules:
        yield _entry("rule", f"{facts.rule(hit)}: {hit['message']}")
    yield _entry("needs", facts.needs(proposal))
    for vote in facts.votes(proposal, reader):
        yield _entry("vote", f"{vote.verdict} by {vote.person}: {visible(vote.reason) or 'no reason given'}")
    yield from _request(proposal)
    yield _entry(
        "seen", _json(facts.masked(proposal, observed=facts.observed(proposal.toolcall))["observed"])
    )
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


def _request(proposal: Proposal) -> Iterator[str]:
    """The bytes that would be sent; where something is not to be shown, the arguments without it."""
    first, *rest = facts.request(proposal)
    yield _entry("request", first)
    yield from (_entry("", line) for line in rest if line)
    if facts.hidden(proposal):
        yield _entry("arguments", _json(facts.masked(proposal, args=proposal.toolcall.arguments)["args"]))


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
