"""Holds three sources against each other: the shop's ledger, the calls with their sendings, and the record.

Refuses to believe any of them alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from orchestra.models import AuditEvent, Dispatch, Run, ToolCall
from tests.store.shop import Shop

HAPPENED = frozenset({"succeeded", "settled_done"})
PAGE = 1_000
Effect = dict[str, Any]


def faults(shop: Shop) -> list[str]:
    """What does not agree, of all calls that write and of all worlds that runs were about."""
    calls = list(ToolCall.objects.exclude(effect="read").exclude(state="refused").select_related("run__task"))
    keys = {call.key for call in calls}
    effects: dict[str, list[Effect]] = defaultdict(list)
    found = []
    for effect in _effects(shop):
        effects[effect["key"]].append(effect)
        if effect["key"] not in keys:
            found.append(f"{effect['tool']} in {effect['world']}: nobody called it")
    for call in calls:
        found += _call(call, effects[call.key])
    return found


def _effects(shop: Shop) -> Iterator[Effect]:
    for world in {str(run.task.labels["world"]) for run in Run.objects.select_related("task")}:
        effects = shop.effects(world)
        assert len(effects) < PAGE
        yield from effects


def _call(call: ToolCall, effects: list[Effect]) -> Iterator[str]:
    """One call, its sendings, its events, its effects."""
    sendings = list(call.dispatches.order_by("n"))
    events = list(AuditEvent.objects.filter(kind="toolcall", object_id=call.pk).order_by("seq"))
    if len(effects) > 1:
        yield f"{call}: {len(effects)} effects"
    if call.state in HAPPENED and not effects:
        yield f"{call}: {call.state} without an effect"
    if call.state not in HAPPENED and effects:
        yield f"{call}: {call.state} with an effect"
    if any(not _same(call, one) for one in sendings):
        yield f"{call}: a sending of another key or of other bytes"
    if sum(event.target == "dispatched" for event in events) != len(sendings):
        yield f"{call}: {len(sendings)} sendings, the record tells of others"
    passed = [event.at for event in events if event.target in {"approved", "dispatched"}]
    for effect in effects:
        if len(passed) < 2 or any(at > datetime.fromisoformat(effect["at"]) for at in passed[:2]):
            yield f"{call}: an effect before it was approved and sent"


def _same(call: ToolCall, one: Dispatch) -> bool:
    return one.key == call.key and bytes(one.digest) == bytes(call.digest or b"")
