"""Writes down what is to be told to the outside, in the transaction that caused it: ids and names of ours.

Refuses sentences, titles and reasons: an agent, a tool or a requester may have had a hand in them.
"""

from __future__ import annotations

from django.db.models.functions import Now

from orchestra.canonical import Json
from orchestra.models import HumanTask, OutboxMessage, Proposal, Run


def announce(run: Run) -> None:
    """Write the message of a run that has just ended. A child run is its parent's affair."""
    if run.parent_run_id is None:
        _message(f"run.{run.state}", run, {"failure_class": run.failure_class or None}).save()


def opened(proposal: Proposal) -> OutboxMessage:
    """The message that people are asked about a call; the caller inserts it."""
    call = proposal.toolcall
    said: dict[str, Json] = {"proposal": str(proposal.uid), "tool": call.tool_name, "tier": proposal.tier}
    return _message("proposal.opened", call.run, said)


def asked(question: HumanTask, group: str) -> OutboxMessage:
    """The message that a group is asked a question; the caller inserts it."""
    said: dict[str, Json] = {"question": str(question.uid), "kind": question.kind, "group": group}
    return _message("question.opened", question.run, said)


def _message(topic: str, run: Run, said: dict[str, Json]) -> OutboxMessage:
    payload: dict[str, Json] = {"run": str(run.uid), **said}
    return OutboxMessage(topic=topic, task_id=run.task_id, run=run, payload=payload, due_at=Now())
