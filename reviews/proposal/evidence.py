"""What a ruling went by, in words: who and what was involved, what was used up, what was seen of the other system. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestra.canonical import Json
from orchestra.models import Proposal
from reviews.proposal import diff, facts
from reviews.proposal.diff import Change, Comparison
from reviews.proposal.marks import Piece, pieces

#: What a run may use, as people call it.
LIMITS: Final[Mapping[str, str]] = {
    "steps": "steps",
    "turns": "turns of agents",
    "tool_calls": "calls of tools",
    "tokens": "tokens",
    "cost": "cost",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and what there is to say."""

    name: str
    said: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the rules could see. `observed` None: the tool reads nothing beforehand."""

    entries: Sequence[Entry]
    used: Sequence[Entry]
    observed: Comparison | None
    unread: bool

    def find(self, at: str) -> Change | None:
        """The observed value at a place."""
        shown = self.observed or Comparison([])
        return next((change for change in (*shown.changes, *shown.same) if change.at == at), None)


def context(proposal: Proposal) -> Mapping[str, Any]:
    """What the ruling was made from; empty where it cannot be read."""
    try:
        found = json.loads(bytes(proposal.ruling.context))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def of(proposal: Proposal, known: Mapping[str, Any], *, longest: int = diff.LONGEST) -> Evidence:
    """The evidence of a proposal; `known` is its `context`."""
    seen = facts.masked(proposal, observed=facts.observed(proposal.toolcall))["observed"]
    return Evidence(
        entries=[Entry(name, pieces(said)) for name, said in _entries(known) if said],
        used=[Entry(name, pieces(said)) for name, said in _used(known.get("run") or {})],
        observed=diff.compare(seen, seen, at="/observed", longest=longest) if seen else None,
        unread=seen is None,
    )


def _entries(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    requester, agent, run = known.get("requester") or {}, known.get("agent") or {}, known.get("run") or {}
    if requester:
        groups = ", ".join(str(group) for group in requester.get("groups") or ())
        yield "Asked for by", f"{requester.get('name')}{f' ({groups})' if groups else ''}"
    if agent:
        yield "Agent", f"{agent.get('name')} v{agent.get('version')}, model {agent.get('model')}"
    if known.get("mode"):
        yield "Mode of the deployment", str(known["mode"])
    if run.get("identified"):
        yield "The subject was identified as", ", ".join(str(each) for each in run["identified"])
    if run.get("last_message"):
        yield "The requester said last", str(run["last_message"])[: diff.LONGEST]
    yield "Earlier in this run", _earlier(known.get("counts") or {})
    if known.get("confidence") is not None:
        yield "Confidence", f"{known['confidence']}, not the agent's own word"
    if known.get("second_opinion") is not None:
        yield "Second opinion", json.dumps(known["second_opinion"], ensure_ascii=False)[: diff.LONGEST]


def _earlier(counts: Mapping[str, Any]) -> str:
    """How often the same was tried before, and what came of it."""
    if not counts:
        return ""
    calls, same = counts.get("calls", 0), counts.get("same") or 0
    if not same:
        return f"{calls} calls, none with the same arguments"
    told = {
        "took effect": "same_succeeded",
        "rejected by people": "same_rejected",
        "denied by rules": "same_denied",
    }
    ended = [f"{counts[name]} {words}" for words, name in told.items() if counts.get(name)]
    said = f"{calls} calls, {same} with the same arguments"
    return f"{said} ({', '.join(ended)})" if ended else said


def _used(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    use: Mapping[str, Json] = run.get("use") or {}
    limits: Mapping[str, Json] = run.get("limits") or {}
    for name, words in LIMITS.items():
        spent, limit = use.get(name), limits.get(name)
        if spent is not None and (spent or limit is not None):
            yield words, f"{spent} of {limit}" if limit is not None else f"{spent}, without a limit"
