"""Calls, conversations and history of a run: everything is there, and what a tool or a rule hides is nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.models import Run, ToolCall, Turn
from orchestra.runs import calls, conversation, facts, record
from orchestra.tools import stored
from tests import factories
from tests.runs.scene import Scene, again
from tests.tools.files import LEAST, tool

SECRET = "4000-0000-0000-0002"
EVIL = "pay\u202e<b>now</b>"


def spoken(scene: Scene, *, redact: str = "", declaration: Any = None) -> tuple[Run, ToolCall]:
    """A run whose agent has made one call, with the secret in arguments, path, body, reply and result."""
    more = f"redact: [{redact}]\n" if redact else ""
    version = factories.toolversion(declaration=declaration or stored.dump(tool(LEAST + more)))
    run = scene.run("running")
    step = factories.step(run, "serve", kind="agent", state="running")
    wanted = {
        "id": "c1",
        "type": "function",
        "function": {"name": "refund", "arguments": f'{{"card": "{SECRET}"}}'},
    }
    turn = factories.turn(
        step,
        number=0,
        received=[{"role": "user", "content": EVIL}],
        message={"role": "assistant", "content": "I do it.", "tool_calls": [wanted]},
        input_tokens=12,
        output_tokens=3,
        cost="0.25",
        currency="EUR",
    )
    call = factories.toolcall(
        step,
        turn=turn,
        tool_version=version,
        arguments={"card": SECRET, "amount": 5},
        path=f"/cards/{SECRET}",
        headers=[["Content-Type", "application/json"]],
        body=f'{{"card":"{SECRET}"}}'.encode(),
        state="dispatched",
    )
    reply = f'{{"card":"{SECRET}"}}'.encode()
    factories.dispatch(call, status=200, reply=reply, outcome="succeeded", finished_at=factories.now())
    return run, factories.walk(call, "succeeded", result={"card": SECRET, "id": "r1"})


def everything(scene: Scene, run: Run) -> str:
    """All that any side of the page says, as one text."""
    found = again(run, scene.operator)
    parts = (calls.calls(found), conversation.exchanges(found), record.entries(found), facts.steps(found))
    return "\n".join(repr(row) for part in parts for row in part.rows)


def test_call_is_told_with_bytes_reply_and_digest(scene: Scene) -> None:
    run, call = spoken(scene)
    [fact] = calls.calls(run).rows
    assert fact.request.splitlines()[0] == f"POST /cards/{SECRET}"
    assert fact.request.endswith(f'{{"card":"{SECRET}"}}')
    assert fact.digest == bytes(call.digest or b"").hex()
    assert (fact.state, fact.turn, fact.step) == ("succeeded", 0, "serve")
    [sending] = fact.sendings
    assert (sending.outcome, sending.row.status, SECRET in sending.reply) == ("Done", 200, True)


@pytest.mark.parametrize("hidden", ["args.card, result.card", "args, result", "args.card, result"])
def test_what_a_tool_hides_is_shown_nowhere(scene: Scene, hidden: str) -> None:
    run, _ = spoken(scene, redact=hidden)
    text = everything(scene, run)
    assert SECRET not in text
    assert "[redacted]" in text
    [fact] = calls.calls(run).rows
    assert fact.request == "POST \n\n(holds what is not shown here)"


def test_what_a_rule_hides_is_shown_nowhere(scene: Scene) -> None:
    run = scene.run("running")
    step = factories.step(run, "serve", kind="agent", state="running")
    call = factories.toolcall(step, arguments={"card": SECRET}, path=f"/{SECRET}", body=SECRET.encode())
    factories.proposal(factories.walk(call, "awaiting_approval"), requirements={"redact": ["args.card"]})
    assert SECRET not in everything(scene, run)


def test_declaration_that_cannot_be_read_hides_everything(scene: Scene) -> None:
    run, _ = spoken(scene, declaration={"format": 99})
    assert SECRET not in everything(scene, run)


def test_conversation_is_quoted_with_unseen_characters_as_code_points(scene: Scene) -> None:
    run, _ = spoken(scene)
    [exchange] = conversation.exchanges(run).rows
    assert [(line.kind, line.text) for line in exchange.lines] == [
        ("heard", "pay⟨U+202E⟩<b>now</b>"),
        ("said", "I do it."),
        ("wants", f'refund {{"card": "{SECRET}"}}'),
        ("told", f'{{"card":"{SECRET}","id":"r1"}}'),
    ]


def test_blind_votes_are_told_when_it_is_decided(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2, requirements={"blind": True})
    factories.approval(proposal, scene.operator, reason="I think so")
    assert "I think so" not in everything(scene, run)
    factories.walk(proposal, "approved")
    assert "I think so" in everything(scene, run)


def test_vote_that_was_taken_back_is_told_as_such(scene: Scene) -> None:
    run, proposal = scene.asked(votes_needed=2)
    factories.approval(proposal, scene.operator, reason="on second thought", withdrawn_at=factories.now())
    factories.approval(proposal, scene.second)
    told = [entry.what for entry in record.entries(run).rows if entry.state == "for it"]
    assert (len(told), "a vote" in told) == (2, True)
    assert any(what.startswith("a vote, taken back at 2") for what in told)


def test_history_has_events_turns_and_votes_in_the_order_of_time(scene: Scene) -> None:
    run, _ = spoken(scene)
    entries = record.entries(run).rows
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert [entry.seq for entry in entries if entry.seq is not None] == list(range(1, len(entries)))
    told = {(entry.what, entry.state): entry for entry in entries}
    assert told["turn 0 of step serve", "taken"].reason == "15 tokens, 0.25 EUR"
    assert told["call of refund", "succeeded"].before == "dispatched"
    assert len(told["the run", "running"].digest) == record.DIGEST


def test_long_lists_come_in_parts_that_miss_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (record, facts):
        monkeypatch.setattr(module, "SHORT", 3)
    for module in (conversation, calls):
        monkeypatch.setattr(module, "LONG", 1)
    run, call = spoken(scene)
    step = call.step
    for number in range(1, 4):
        factories.turn(step, number=number, agent_version=Turn.objects.get(step=step, number=0).agent_version)
        factories.toolcall(step, ordinal=number)
        factories.step(run, f"s{number}")
    assert [len(all_of(tell, run)) for tell in (conversation.exchanges, calls.calls, facts.steps)] == [
        4,
        4,
        4,
    ]
    told = all_of(record.entries, run)
    assert [entry.seq for entry in told if entry.seq] == list(range(1, run_events(run) + 1))
    assert sum(entry.seq is None for entry in told) == 4


def all_of(tell: Any, run: Run) -> list[Any]:
    """The rows of all parts, one after the other."""
    rows: list[Any] = []
    after: int | None = 0
    while after is not None:
        part = tell(run, after=after)
        rows += part.rows
        after = part.after
    return rows


def run_events(run: Run) -> int:
    return max(entry.seq or 0 for entry in all_of(record.entries, run))


def test_use_is_counted_against_each_limit(scene: Scene) -> None:
    run, _ = spoken(scene)
    Run.objects.filter(pk=run.pk).update(
        limits={"turns": 200, "tool_calls": 500, "cost": "5.00 EUR", "wall_time": 90.0}
    )
    found = again(run, scene.operator)
    use = {line.name: (line.used, line.limit) for line in facts.use(found, factories.now())}
    assert use["Questions to models"] == ("1", "200")
    assert use["Tool calls"] == ("1", "500")
    assert use["Tokens"] == ("15", "")
    assert use["Cost"] == ("0.25 EUR", "5.00 EUR")
    assert use["Time"][1] == "1 min 30 s"


def test_steps_of_the_workflow_stand_where_their_last_round_stands(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scene.run("running")
    factories.step(run, "draft", state="failed")
    factories.step(run, "draft~2", state="succeeded")
    factories.step(run, "each", kind="each", state="running")
    for item, state in enumerate(["succeeded", "succeeded", "running"]):
        factories.step(run, "each", item=item, state=state)
    expected = {
        "draft": facts.Standing("succeeded"),
        "each": facts.Standing("running", "1 running, 2 succeeded"),
    }
    assert facts.standing(run, facts.steps(run)) == expected
    monkeypatch.setattr(facts, "SHORT", 2)
    assert facts.standing(run, facts.steps(run)) == expected
