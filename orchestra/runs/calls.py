"""The tool calls of a run as plain data: bytes, replies, sendings, what was asked of people and how they voted.

Reads only. What a tool or a rule keeps from people is masked; whether there are such calls at all is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestra.models import Approval, Dispatch, Proposal, Run, ToolCall
from orchestra.runs import facts, masks
from orchestra.runs.parts import LONG, Part, part
from orchestra.tools.sentences import visible


@dataclass(frozen=True, slots=True)
class Sending:
    """One sending of a call, and what came back."""

    row: Dispatch
    outcome: str
    reply: str


@dataclass(frozen=True, slots=True)
class CallFact:
    """One call. `proposal` is what people were asked, with its `votes`; blind ones of an open question are left out."""

    row: ToolCall
    state: str
    step: str
    turn: int | None
    tool: str
    arguments: str
    request: str
    digest: str
    result: str
    error: str
    agent_says: str
    sendings: Sequence[Sending]
    proposal: Proposal | None
    votes: Sequence[Approval]


def calls(run: Run, *, after: int = 0) -> Part[CallFact]:
    """Its calls behind one (by id), in the order of their coming."""
    rows = ToolCall.objects.filter(run=run, pk__gt=after).select_related(
        "step", "turn", "tool_version__tool", "question", "edited_by", "ruling", "parent"
    )
    found = part(list(rows.order_by("pk")[: LONG + 1]), LONG, lambda call: call.pk)
    ids = [call.pk for call in found.rows]
    sent = _sent(ids)
    votes = _votes(ids)
    return found.each(lambda call: _fact(call, sent.get(call.pk, ()), votes.get(call.pk, ())))


def _fact(call: ToolCall, sent: Sequence[Dispatch], votes: Sequence[Approval]) -> CallFact:
    shown = masks.masked(call)
    version = f" v{call.tool_version.number}" if call.tool_version is not None else ""
    return CallFact(
        row=call,
        state=call.state.replace("_", " "),
        step=str(call.step),
        turn=call.turn.number if call.turn is not None else None,
        tool=visible(f"{call.tool_name}{version}"),
        arguments=facts.pretty(shown.arguments),
        request="\n".join(masks.request(call)),
        digest=bytes(call.digest).hex() if call.digest is not None else "",
        result=facts.pretty(shown.result),
        error=visible(call.error),
        agent_says=visible(call.agent_reason),
        sendings=[_sending(call, row) for row in sent],
        proposal=getattr(call, "question", None),
        votes=votes,
    )


def _sending(call: ToolCall, row: Dispatch) -> Sending:
    outcome = row.get_outcome_display() if row.outcome else "No answer yet"
    return Sending(row, outcome, masks.reply(call, row.reply))


def _sent(calls: Sequence[int]) -> Mapping[int, Sequence[Dispatch]]:
    found: dict[int, list[Dispatch]] = defaultdict(list)
    for row in (
        Dispatch.objects.filter(toolcall__in=calls).select_related("worker").order_by("toolcall_id", "n")
    ):
        found[row.toolcall_id].append(row)
    return found


def _votes(calls: Sequence[int]) -> Mapping[int, Sequence[Approval]]:
    """Votes on decided proposals, and on open ones that are not blind."""
    found: dict[int, list[Approval]] = defaultdict(list)
    rows = Approval.objects.filter(proposal__toolcall__in=calls).select_related("person", "proposal")
    for row in rows.order_by("pk"):
        if row.proposal.state != "pending" or not row.proposal.requirements.get("blind"):
            found[row.proposal.toolcall_id].append(row)
    return found
