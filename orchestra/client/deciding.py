"""The commands of reviewers: queue, show, approve, reject, changes. Refuses to decide what has not been shown or named."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any, Final

from orchestra.client.api import Client
from orchestra.client.refusals import ClientError
from orchestra.client.shapes import Proposal, ProposalDetail
from orchestra.client.terminal import Terminal

TABS: Final = ("yours", "others", "decided", "expired")
TIERS: Final = {1: "low", 2: "medium", 3: "high", 4: "critical"}
#: So much of a digest is typed to confirm it.
TYPED: Final = 8
LONGEST: Final = 64


def add(verbs: Any) -> None:
    """The parsers of these commands."""
    queue = verbs.add_parser("queue", help="what waits for your decision")
    queue.add_argument("--tab", choices=TABS, default="yours")
    queue.set_defaults(run=_queue, offline=False)
    show = verbs.add_parser("show", help="one proposal with its request and digest")
    show.add_argument("uid")
    show.set_defaults(run=_show, offline=False)
    for verb, what in (
        ("approve", "vote for exactly one digest"),
        ("reject", "vote against; the reason goes to the agent"),
        ("changes", "send it back with what should be different"),
    ):
        parser = verbs.add_parser(verb, help=what)
        parser.add_argument("uid")
        parser.add_argument("--digest", help="what you have looked at; without it you are shown and asked")
        parser.add_argument("--reason", default="", required=verb != "approve")
        if verb != "approve":
            parser.add_argument("--category", default="")
        parser.set_defaults(run=_decide, offline=False)


def _queue(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    page = client.proposals(options.tab)
    terminal.say(*(_line(proposal) for proposal in page.items))
    if not page.items:
        terminal.warn("nothing here")
    if page.next:
        terminal.warn("there are more")
    return 0


def _line(proposal: Proposal) -> str:
    return (
        f"{proposal.uid}  {TIERS.get(proposal.tier, proposal.tier):<8}  {proposal.place}  {proposal.sentence}"
    )


def _show(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    terminal.say(*_sheet(client.proposal(options.uid)))
    return 0


def _decide(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    """Only for a digest that was given, or that has just been shown and confirmed."""
    digest = options.digest or _confirmed(options, terminal, client.proposal(options.uid))
    if options.verb == "approve":
        made = client.approve(options.uid, digest=digest, reason=options.reason)
    elif options.verb == "reject":
        made = client.reject(options.uid, digest=digest, reason=options.reason, category=options.category)
    else:
        made = client.ask_changes(
            options.uid, digest=digest, reason=options.reason, category=options.category
        )
    more = ": your vote counts, more are needed" if made.state == "pending" else ""
    terminal.say(f"{made.state}{more}")
    return 0


def _confirmed(options: argparse.Namespace, terminal: Terminal, proposal: ProposalDetail) -> str:
    terminal.say(*_sheet(proposal))
    if proposal.state != "pending":
        raise ClientError(f"This is {proposal.state} already.")
    if proposal.against and options.verb == "approve":
        raise ClientError(proposal.against)
    typed = terminal.ask(f"To {options.verb} this, type the first {TYPED} characters of the digest: ")
    if typed.lower() != proposal.digest[:TYPED]:
        raise ClientError("Nothing was decided.")
    return proposal.digest


def _sheet(proposal: ProposalDetail) -> Iterator[str]:
    yield proposal.sentence
    yield _entry(
        "proposal", f"{proposal.uid}, {proposal.state}, tier {proposal.tier} ({TIERS.get(proposal.tier)})"
    )
    yield _entry("asked for", proposal.asked)
    yield _entry("where", f"{proposal.place}, run {proposal.run}")
    for rule in proposal.rules:
        yield _entry("rule", f"{rule.where}: {rule.message}")
    yield _entry("needs", proposal.needs)
    for vote in proposal.votes:
        yield _entry("vote", f"{vote.verdict} by {vote.person}: {vote.reason or 'no reason given'}")
    first, *rest = proposal.request.split("\n")
    yield _entry("request", first)
    yield from (_entry("", line) for line in rest if line)
    yield _entry("arguments", json.dumps(proposal.arguments, ensure_ascii=False))
    if proposal.observed is not None:
        yield _entry("seen", json.dumps(proposal.observed, ensure_ascii=False))
    yield _entry(
        "preview", json.dumps(proposal.preview, ensure_ascii=False) if proposal.preview else "there is none"
    )
    if proposal.agent_says:
        yield _entry("agent says", f"“{proposal.agent_says}” (its own words, nothing is proven)")
    if proposal.against:
        yield _entry("you", proposal.against)
    yield _entry("digest", proposal.digest)


def _entry(name: str, text: str) -> str:
    return f"  {name:<10}  {text}"
