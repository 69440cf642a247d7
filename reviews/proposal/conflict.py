"""What a person is told whose decision came too late, or was for something else: who, when, why, and what there is now. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestra.engine import verdicts
from orchestra.errors import Expired, Halted, OrchestraError, StaleState
from orchestra.models import Approval, Person, Proposal, ToolCall
from reviews import queue
from reviews.proposal import diff, effect, facts
from reviews.proposal.diff import Comparison
from reviews.proposal.marks import Piece, pieces
from reviews.proposal.panel import VERDICTS

#: Links of a chain of calls that are followed to the newest one.
FARTHEST: Final = 20
#: What somebody did who wants something else done.
EDITED: Final = "changed"


@dataclass(frozen=True, slots=True)
class Conflict:
    """`title` says what has happened, `late` that it happened to a decision of the reader. `newer` is the proposal that took its place, `difference` what it changes."""

    title: str
    late: bool
    message: str
    who: str
    verdict: str
    when: object
    reason: Sequence[Piece]
    newer: Proposal | None
    difference: Comparison | None
    typed: str


def of(
    proposal: Proposal, reader: Person, error: OrchestraError | None = None, typed: str = ""
) -> Conflict | None:
    """Why nothing can be decided here (any more); None while it can, unless `error` says otherwise."""
    if error is None and proposal.state == "pending":
        return None
    last = verdicts.vote(proposal) or verdicts.edit(proposal)
    newer = successor(proposal, reader) if proposal.toolcall.finished_at is not None else None
    return Conflict(
        title=_title(proposal, error),
        late=error is not None,
        message=error.message if error is not None else "",
        who=str(last.person) if last is not None else "",
        verdict=VERDICTS.get(last.verdict, "") if isinstance(last, Approval) else EDITED,
        when=proposal.decided_at,
        reason=pieces(last.reason, lines=True) if last is not None else (),
        newer=newer,
        difference=difference(proposal, newer) if newer is not None else None,
        typed=typed,
    )


def _title(proposal: Proposal, error: OrchestraError | None) -> str:
    if isinstance(error, Halted):
        return "This is halted"
    if isinstance(error, Expired) or proposal.state == "expired":
        return "The time to decide this has run out"
    if proposal.state == "superseded":
        return "Something else took the place of this"
    if proposal.state == "cancelled":
        return "The run was called off"
    if proposal.state != "pending":
        return f"This is {proposal.state} already" if error is not None else f"This is {proposal.state}"
    return "Something has changed meanwhile" if isinstance(error, StaleState) else "This did not work"


def successor(proposal: Proposal, reader: Person) -> Proposal | None:
    """The newest proposal in the place of this one, if there is one that the reader may see."""
    call: ToolCall | None = proposal.toolcall
    found = None
    for _ in range(FARTHEST):
        call = ToolCall.objects.filter(parent=call).order_by("-pk").first()
        if call is None:
            break
        found = queue.visible(reader).filter(toolcall=call).first() or found
    return found


def difference(old: Proposal, new: Proposal) -> Comparison:
    """The arguments of one and the other, in full: no link leads from here to the rest of a value."""
    before = facts.masked(old, args=old.toolcall.arguments)["args"]
    after = facts.masked(new, args=new.toolcall.arguments)["args"]
    return diff.compare(before, after, at="/args", longest=effect.ALL)
