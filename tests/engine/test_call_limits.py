"""A run makes no more tool calls than it may; the owner can give it as many again."""

from __future__ import annotations

from tests.engine.functions import Seen
from tests.engine.stage import Stage

THREE = """
    a: {kind: tool, tool: t.read, with: {key: one}}
    b: {needs: a, kind: tool, tool: t.read, with: {key: two}}
    c: {needs: b, kind: tool, tool: t.read, with: {key: three}}
"""
LIMIT = "limits: {tool_calls: 2}"


def test_call_beyond_the_limit_is_not_made_before_the_owner_agrees(shared: Stage) -> None:
    run = shared.play(THREE, more=LIMIT)
    assert run.state == "escalated"
    assert shared.question(run).title == "The run reached its limit of 2 tool calls."
    assert shared.states(run) == {"a": "succeeded", "b": "succeeded"}
    shared.answer(run, {"action": "continue"})
    assert shared.rest(run).state == "succeeded"


def test_every_attempt_counts_as_a_call(shared: Stage, seen: Seen) -> None:
    retry = "retry: {attempts: 9, first_wait: 10ms, longest_wait: 10ms}"
    run = shared.play(f"a: {{kind: tool, tool: t.broken, with: {{key: k}}, {retry}}}", more=LIMIT)
    assert run.state == "escalated"
    assert seen.calls["k"] == 2
