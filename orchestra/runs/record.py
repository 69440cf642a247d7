"""What happened in a run, in the order of time: the events of its chain, with the turns and the votes between them.

Reads only; whether the record is whole is checked elsewhere (see `audit`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Case, OuterRef, Subquery, TextField, When

from orchestra.models import Approval, AuditEvent, Run, ToolCall, Turn
from orchestra.runs.parts import SHORT, Part, part
from orchestra.tools.sentences import visible

#: So much of a digest tells it from others.
DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `seq` and `digest` are of the link of the chain; turns and votes have none."""

    at: datetime
    what: str
    state: str
    before: str
    who: str
    reason: str
    seq: int | None = None
    digest: str = ""

    @property
    def word(self) -> str:
        """The state as people say it."""
        return self.state.replace("_", " ")


def entries(run: Run, *, after: int = 0) -> Part[Entry]:
    """What happened behind an event (by its number in the chain), the oldest first."""
    events = AuditEvent.objects.filter(chain=run.uid, seq__gte=after).annotate(tool=_tool()).order_by("seq")
    rows = list(events[: SHORT + 1 + bool(after)])
    since = rows.pop(0).at if after and rows else None
    found = part(rows, SHORT, lambda event: event.seq)
    until = found.rows[-1].at if found.after is not None else None
    told = [_event(event) for event in found.rows]
    told += [*_turns(run, since, until), *_votes(run, since, until)]
    return Part(sorted(told, key=lambda entry: (entry.at, entry.seq or 0)), found.after)


def _event(event: AuditEvent) -> Entry:
    return Entry(
        at=event.at,
        what=_what(event),
        state=event.target,
        before=event.source,
        who=_who(event.actor),
        reason=visible(event.reason),
        seq=event.seq,
        digest=bytes(event.digest).hex()[:DIGEST],
    )


def _what(event: AuditEvent) -> str:
    if event.kind == "toolcall":
        return f"call of {visible(getattr(event, 'tool', None) or 'a tool')}"
    words = {"run": "the run", "proposal": "the proposal", "humantask": "the question"}
    return words.get(event.kind) or f"step {visible(event.subject)}"


def _who(actor: str) -> str:
    """`person:ann` is Ann's doing; workers and the system are told as what they are."""
    kind, _, name = actor.partition(":")
    return name if kind == "person" else f"{kind} {name}".rstrip()


def _tool() -> Case:
    """The name of the tool, of an event of a call."""
    calls = ToolCall.objects.filter(pk=OuterRef("object_id"), run__uid=OuterRef("chain"))
    return Case(When(kind="toolcall", then=Subquery(calls.values("tool_name"))), output_field=TextField())


def _turns(run: Run, since: datetime | None, until: datetime | None) -> Iterator[Entry]:
    rows = Turn.objects.filter(run=run, **_between(since, until)).select_related(
        "step", "agent_version__agent"
    )
    for turn in rows.order_by("pk")[:SHORT]:
        tokens = (
            f"{turn.input_tokens + turn.output_tokens:,} tokens"
            if turn.input_tokens or turn.output_tokens
            else ""
        )
        cost = f"{turn.cost.normalize():f} {turn.currency}" if turn.cost is not None else ""
        said = ", ".join(text for text in (tokens, cost, visible(turn.ended or turn.error)) if text)
        state = "failed" if turn.failure_class else "taken"
        what = f"turn {turn.number} of step {visible(str(turn.step))}"
        yield Entry(turn.created_at, what, state, "", f"agent {turn.agent_version.agent.name}", said)


def _votes(run: Run, since: datetime | None, until: datetime | None) -> Iterator[Entry]:
    rows = Approval.objects.filter(proposal__toolcall__run=run, **_between(since, until))
    for vote in rows.select_related("person", "proposal").order_by("pk")[:SHORT]:
        if vote.proposal.state == "pending" and vote.proposal.requirements.get("blind"):
            continue
        verdict = {"approve": "for it", "reject": "against it", "changes": "for changes"}[vote.verdict]
        back = f", taken back at {vote.withdrawn_at:%Y-%m-%d %H:%M:%S} UTC" if vote.withdrawn_at else ""
        yield Entry(vote.created_at, f"a vote{back}", verdict, "", str(vote.person), visible(vote.reason))


def _between(since: datetime | None, until: datetime | None) -> dict[str, datetime]:
    """Behind the last event of the part before, up to the last one of this part."""
    bounds = {"created_at__gt": since, "created_at__lte": until}
    return {name: at for name, at in bounds.items() if at is not None}
