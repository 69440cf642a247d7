"""Puts together what rules may read about one call: the action with its whole context. Never the agent's own prose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.contracts import Action
from orchestra.engine import history
from orchestra.engine.case import Case, Intent, Reading
from orchestra.models import ToolCall
from orchestra.policies.origins import PERSON
from orchestra.tools.declarations import Declaration
from orchestra.workflows.spec import Limits

#: From this number of objects touched a call is one tier higher.
MANY: Final = 10
HIGHEST_TIER: Final = 4


def action(case: Case, intent: Intent, declaration: Declaration, read: Reading) -> Action:
    """The action as the policies see it now. `intent.arguments` fit the tool's schema."""
    return Action(
        tool=declaration.name,
        effect=declaration.effect,
        delivery=declaration.delivery,
        tier=tier(declaration, read),
        arguments=intent.arguments,
        granted=declaration.name in case.allowed,
        context=_context(case, intent, read),
    )


def tier(declaration: Declaration, read: Reading) -> int:
    """The declared tier, one more for what touches much, is irreversible or cannot be shown beforehand."""
    if declaration.preview is None:
        return declaration.tier
    preview: Mapping[str, Any] = read.preview if isinstance(read.preview, dict) else {}
    count = preview.get("count")
    much = isinstance(count, int | float) and count >= MANY
    return min(HIGHEST_TIER, declaration.tier + bool(not preview or much or preview.get("irreversible")))


def _context(case: Case, intent: Intent, read: Reading) -> dict[str, Any]:
    around, talk = case.around, case.talk
    said = history.origins(around.task.payload, talk.turns, talk.history.calls)
    if intent.edited and intent.parent is not None:
        said.add(PERSON, history.changes(intent.parent.arguments, intent.arguments))
    observed: Json = None if read.observed is None else dict(read.observed)
    return {
        "agent": _agent(case),
        "requester": around.requester,
        "subject": around.task.subject or None,
        "environment": around.environment,
        "mode": around.mode,
        "run": _run(case, intent),
        "preview": read.preview,
        "observed": observed,
        "provenance": said.provenance(intent.arguments),
        "confidence": None,
        "counts": _counts(case, intent),
        "second_opinion": None,
    }


def _agent(case: Case) -> Json:
    version = case.agent
    if version is None:
        return None
    return {"name": version.agent.name, "version": version.number, "model": version.model}


def _run(case: Case, intent: Intent) -> Json:
    flight = case.flight
    heard = list(history.heard(case.talk.turns))
    spent: dict[str, Json] = {
        "steps": sum(node.begun for node in flight.nodes.values()),
        "turns": sum(turn.message is not None for turn in case.talk.history.turns),
        "tool_calls": case.used,
        "tokens": sum(turn.input_tokens + turn.output_tokens for turn in case.talk.history.turns),
    }
    return {
        "id": str(flight.run.uid),
        "workflow": flight.spec.name,
        "version": case.around.version_number,
        "step": case.node.path,
        "turn": intent.place.turn if intent.place.turn >= 0 else None,
        "identified": _identified(case),
        "last_message": heard[-1] if heard else None,
        "limits": {name: flight.run.limits.get(name) for name in asdict(Limits())},
        "use": spent,
    }


def _identified(case: Case) -> list[Json]:
    """What tools that identify the subject have returned in this run."""
    found = (call for call in case.talk.history.calls if call.state == "succeeded")
    return [plain(call.result) for call in found if _identifies(case, call)]


def _identifies(case: Case, call: ToolCall) -> bool:
    equipped = case.tool(call.tool_name)
    return equipped is not None and equipped.declaration.identifies


def plain(result: Json) -> Json:
    """A result that is only a text, as that text."""
    if isinstance(result, dict) and set(result) == {"text"}:
        return result["text"]
    return result


def _counts(case: Case, intent: Intent) -> Json:
    """Of the calls at other places of the run."""
    mine = (case.step.pk, intent.place)
    others = (call for call in case.talk.history.calls if (call.step_id, history.place(call)) != mine)
    same = [call.state for call in others if history.same(call, intent.name, intent.arguments)]
    return {
        "of_turn": len(case.talk.wanted(intent.place.turn)) or 1,
        "calls": case.used,
        "same": len(same),
        "same_succeeded": sum(state in history.EFFECTIVE for state in same),
        "same_rejected": same.count("rejected"),
        "same_denied": same.count("denied"),
    }
