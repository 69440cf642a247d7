"""Shows what agents want to do and waits for people, and takes their decisions."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from orchestra.engine.connections import borrow
from orchestra.errors import Invalid
from orchestra.management.base import OrchestraCommand, count, person, person_option, read_json, uid
from orchestra.models import Person, Proposal
from reviews import decisions, queue
from reviews.proposal import sheet

#: Each verb of a decision, and what it is.
VERBS = {
    "approve": "Vote for exactly the request with this digest.",
    "reject": "Vote against; the reason goes to the agent.",
    "changes": "Send it back to the agent with what should be different.",
    "edit": "Approve other arguments instead: they are judged anew.",
}


class Command(OrchestraCommand):
    """proposal list | show UID | approve UID | reject UID | changes UID | edit UID: what waits, and people's decisions."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="What waits, the highest tier first.")
        listing.add_argument("--limit", type=count, default=50)
        showing = verbs.add_parser("show", help="One proposal with the exact request.")
        showing.add_argument("uid", type=uid)
        for each in (listing, showing):
            person_option(each)
        for verb, what in VERBS.items():
            _deciding(verbs.add_parser(verb, help=what), verb)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        by = person(options)
        for line in list(getattr(self, f"_{options['verb']}", self._decide)(by, options)):
            self.stdout.write(line)

    def _list(self, by: Person, options: dict[str, Any]) -> Iterator[str]:
        with borrow():
            waiting = queue.pending(by)
            yield from (sheet.short(proposal, by) for proposal in waiting[: options["limit"]])
            more = waiting.count() - options["limit"]
        if more > 0:
            yield f"and {more} more"

    def _show(self, by: Person, options: dict[str, Any]) -> Iterator[str]:
        with borrow():
            yield from sheet.lines(queue.find(options["uid"], by), by)

    def _decide(self, by: Person, options: dict[str, Any]) -> Iterator[str]:
        made = _vote(by, options)
        if made.state == "pending":
            yield f"{made.uid} pending: your vote counts, more are needed"
        else:
            yield f"{made.uid} {made.state}"


def _deciding(parser: CommandParser, verb: str) -> None:
    parser.add_argument("uid", type=uid)
    parser.add_argument("--digest", type=_digest, required=True, help="As shown: it says what you looked at.")
    parser.add_argument("--reason", default="", help="Why. Needed but for approving what is of tier 1 or 2.")
    if verb == "edit":
        parser.add_argument("--arguments", required=True, help="All arguments: a JSON object, or @FILE.")
    person_option(parser)


def _vote(by: Person, options: dict[str, Any]) -> Proposal:
    told = {"by": by, "digest": options["digest"], "reason": options["reason"]}
    match options["verb"]:
        case "reject":
            return decisions.reject(options["uid"], **told)
        case "changes":
            return decisions.ask_changes(options["uid"], **told)
        case "edit":
            arguments = read_json(options["arguments"])
            if not isinstance(arguments, dict):
                raise Invalid.at("/arguments", "The arguments are a JSON object.")
            return decisions.edit(options["uid"], **told, arguments=arguments)
    return decisions.approve(options["uid"], **told)


def _digest(text: str) -> bytes:
    """A digest as it is shown. Raises ArgumentTypeError."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ArgumentTypeError("a digest has 64 characters of 0-9 and a-f: copy it from what you looked at.")
    return found
