"""Holds three records of the same effects against each other: the store's ledger, our calls, and the audit export.
Says in sentences where they disagree. Knows no database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestra.audit.chain import Head, Link

SENT = "dispatched"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the store's ledger."""

    number: int
    world: str
    tool: str
    key: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One ToolCall: where it belongs, and the idempotency key of each of its Dispatches, in their order."""

    pk: int
    chain: str
    run: str
    world: str
    tool: str
    writes: bool
    state: str
    keys: tuple[str, ...]


@dataclass(slots=True)
class Told:
    """What the audit export says: how often each call was sent and where it is, and how long runs waited."""

    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    states: dict[tuple[str, int], str] = field(default_factory=dict)
    waits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def told(items: Iterable[Link | Head]) -> Told:
    """Read an export. A run waited from the event before its claim, which made it due, to the claim."""
    found = Told()
    before: Link | None = None
    for link in items:
        if not isinstance(link, Link):
            continue
        if link.kind == "toolcall":
            found.states[link.chain, link.object_id] = link.target
            found.sent[link.chain, link.object_id] += link.target == SENT and link.source != SENT
        if (link.kind, link.target) == ("run", "running") and before and before.chain == link.chain:
            found.waits[link.chain].append(max(0.0, (link.at - before.at) / 1_000_000))
        before = link
    return found


def disagreements(ledger: Iterable[Entry], calls: Iterable[Sent], audit: Told) -> list[str]:
    """Where the three do not agree one to one; empty when they do."""
    entries, sent = list(ledger), list(calls)
    by_key = _by_key(sent)
    return [
        *_of_keys(by_key),
        *_of_ledger(entries, by_key),
        *_of_calls(sent, Counter(entry.key for entry in entries)),
        *_of_audit(sent, audit),
    ]


def _by_key(calls: Iterable[Sent]) -> Mapping[str, list[Sent]]:
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    for call in calls:
        for key in {key for key in call.keys if key}:
            found[key].append(call)
    return found


def _of_keys(by_key: Mapping[str, list[Sent]]) -> Iterator[str]:
    for key, calls in by_key.items():
        if len(calls) > 1:
            yield f"the key {key} is that of {len(calls)} calls: {', '.join(map(_name, calls))}"


def _of_ledger(entries: Iterable[Entry], by_key: Mapping[str, list[Sent]]) -> Iterator[str]:
    """Each effect has exactly one call that was sent, of the same world and tool."""
    for entry in entries:
        calls = by_key.get(entry.key, [])
        if not calls:
            yield f"ledger {entry.number} ({entry.world}, {entry.tool}): no call was sent with its key"
        for call in calls:
            if (call.world, call.tool) != (entry.world, entry.tool):
                yield f"ledger {entry.number} ({entry.world}, {entry.tool}): its key is that of {_name(call)}"


def _of_calls(calls: Iterable[Sent], effects: Counter[str]) -> Iterator[str]:
    """Each write that succeeded is one line of the ledger, each other one none; what was never sent has no end."""
    for call in calls:
        lines = sum(effects[key] for key in set(call.keys) if key)
        if call.writes and lines != (call.state == "succeeded"):
            yield f"{_name(call)} is {call.state} and has {lines} lines in the ledger"
        if len({key for key in call.keys if key}) > 1:
            yield f"{_name(call)} was sent with several keys"
        if call.state == "succeeded" and not call.keys:
            yield f"{_name(call)} succeeded and was never sent"


def _of_audit(calls: Iterable[Sent], audit: Told) -> Iterator[str]:
    """Each sending is one event, and each call stands where its last event says."""
    known = set()
    for call in calls:
        known.add((call.chain, call.pk))
        events = audit.sent[call.chain, call.pk]
        if events != len(call.keys):
            yield f"{_name(call)}: {len(call.keys)} sendings, {events} in the audit export"
        said = audit.states.get((call.chain, call.pk), "absent")
        if said != call.state:
            yield f"{_name(call)} is {call.state}, in the audit export {said}"
    for chain, key in audit.states.keys() - known:
        yield f"the audit export tells of call {key} in chain {chain}, which is not there"


def _name(call: Sent) -> str:
    return f"{call.run}: call {call.pk} ({call.tool})"
