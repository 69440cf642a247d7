"""What an agent may use, for whom, and where it is, is asked anew at the gate: nothing passes on what was so once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.db.models.functions import Now

from orchestra.models import Agent, Grant, Person, Run, ToolBinding, Turn, User
from tests.gate.lines import DONE, MOVE, THINK
from tests.gate.stage import GateStage
from tests.store.shop import TOKEN

Change = Callable[[Run], object]


def agents(run: Run) -> QuerySet[Agent]:
    return Agent.objects.filter(versions__in=Turn.objects.filter(run=run).values("agent_version"))


def grants(run: Run) -> QuerySet[Grant]:
    return Grant.objects.filter(agent__in=agents(run), tool__name=MOVE["call"])


def test_agent_without_a_grant_is_told_so(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, THINK, DONE], world, grants=["think"])
    assert (run.state, shared.told(run)) == ("succeeded", ["denied", "succeeded"])
    assert shared.calls(run)[0].failure_class == "grant_block"
    assert "may not use this tool" in shared.calls(run)[0].error


def test_agent_uses_no_other_tools_than_those_of_its_step(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, THINK, DONE], world, step={"tools": ["think"]})
    assert (shared.told(run), shared.calls(run)[0].failure_class) == (["denied", "succeeded"], "grant_block")


LOSSES: dict[str, Change] = {
    "the grant": lambda run: grants(run).delete(),
    "the time of the grant": lambda run: grants(run).update(expires_at=Now() - timedelta(seconds=1)),
    "the place of the agent": lambda run: agents(run).update(active=False),
    "the right of the requester": lambda run: User.objects.get(person=run.task.requester).groups.clear(),
    "the requester": lambda run: Person.objects.filter(pk__in=[run.task.requester_id]).update(active=False),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_what_is_taken_away_between_vote_and_gate_stops_the_call(
    shared: GateStage, world: str, lose: Change
) -> None:
    requester = shared.person(["requesters"])
    run = shared.rest(shared.ask(shared.serving([MOVE, DONE]), world, by=requester))
    with shared.held(run):
        shared.approve(run, rest=False)
        lose(run)
    run = shared.rest(run)
    assert (shared.told(run), shared.sendings(run)) == (["denied"], [])
    assert shared.call(run).failure_class == "grant_block"
    assert shared.shop.effects(world) == []


def waiting(stage: GateStage, world: str, *, like: str = "modify_user_address") -> tuple[Run, str]:
    """A run that waits for people about a call of a tool with a binding of its own."""
    tool = stage.tool(like)
    return stage.serve([stage.line(tool), DONE], world, grants=[tool]), tool


def changed(stage: GateStage, run: Run, change: Callable[[], object]) -> Run:
    """Approve; before the gate something changes."""
    with stage.held(run):
        stage.approve(run, rest=False)
        change()
    return stage.rest(run)


def test_tool_that_is_taken_out_is_not_used_any_more(shared: GateStage, world: str) -> None:
    run, tool = waiting(shared, world)
    run = changed(shared, run, lambda: ToolBinding.objects.filter(tool__name=tool).update(active=False))
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["stale", "refused"], [])
    assert "not bound here" in shared.call(run).error


def test_tool_that_was_published_anew_is_asked_about_again(shared: GateStage, world: str) -> None:
    run, tool = waiting(shared, world)
    run = changed(
        shared, run, lambda: shared.tool("modify_user_address", name=tool, description="Other words.")
    )
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    run = shared.approve(run)
    assert (shared.told(run), len(shared.shop.effects(world))) == (["stale", "succeeded"], 1)


@pytest.mark.parametrize(
    "place", ["http://localhost:{port}/worlds/{{world}}", "{url}/worlds", "{url}", "{url}/w"]
)
def test_tool_that_is_somewhere_else_now_is_asked_about_again(
    shared: GateStage, world: str, place: str
) -> None:
    run, tool = waiting(shared, world)
    url = place.format(url=shared.shop.url, port=shared.shop.url.rpartition(":")[2])
    run = changed(shared, run, lambda: shared.rebind(tool, url))
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    assert shared.call(run).path != shared.calls(run)[0].path or "localhost" in shared.call(run).target
    shared.reject(run)


def test_tool_whose_address_needs_a_label_that_the_task_lacks_is_not_used(
    shared: GateStage, world: str
) -> None:
    run, tool = waiting(shared, world)
    there = f"{shared.shop.url}/worlds/{{shop}}"
    run = changed(shared, run, lambda: shared.rebind(tool, there))
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["stale", "refused"], [])
    assert "label" in shared.call(run).error


def test_task_without_the_label_of_the_address_gets_no_call(shared: GateStage) -> None:
    run = shared.serve([MOVE, THINK, DONE], "no world at all")
    assert (run.state, shared.told(run)) == ("succeeded", ["refused", "refused"])
    assert all("label" in call.error for call in shared.calls(run))


def test_tool_that_would_act_under_another_credential_now_is_asked_about_again(
    shared: GateStage, world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANOTHER_TOKEN", TOKEN)
    run, tool = waiting(shared, world)
    there = f"{shared.shop.url}/worlds/{{world}}"
    run = changed(shared, run, lambda: shared.rebind(tool, there, secret="ANOTHER_TOKEN"))
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    assert "ANOTHER_TOKEN" in shared.call(run).credential
    assert shared.told(shared.approve(run)) == ["stale", "succeeded"]


PREVIEW = {"tool": "preview.change", "with": {"tool": "modify_user_address", "arguments": "{{ args }}"}}


def test_call_whose_preview_is_another_now_is_asked_about_again(shared: GateStage, world: str) -> None:
    tool = shared.tool("modify_user_address", preview=PREVIEW)
    run = shared.serve([shared.line(tool), DONE], world, grants=[tool])
    seen: Any = shared.proposal(run).preview
    moved = {**shared.line(tool)["with"], "city": "Elsewhere"}
    run = changed(shared, run, lambda: shared.shop.call(world, "modify_user_address", **moved))
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    again: Any = shared.proposal(run).preview
    before, now = (each["updates"][0]["before"]["address"]["city"] for each in (seen, again))
    assert before != now == "Elsewhere"
    assert shared.told(shared.approve(run)) == ["stale", "succeeded"]


def test_call_that_could_be_shown_beforehand_and_cannot_any_more_is_asked_about_again_at_a_higher_tier(
    shared: GateStage, world: str
) -> None:
    tool = shared.tool("modify_user_address", preview=PREVIEW)
    run = shared.serve([shared.line(tool), DONE], world, grants=[tool])
    tier = shared.proposal(run).tier
    reader = ToolBinding.objects.filter(tool__name="preview.change")
    run = changed(shared, run, lambda: reader.update(base_url=f"{shared.shop.url}/nowhere"))
    shared.bind()
    assert (shared.told(run), shared.sendings(run)) == (["stale", "awaiting_approval"], [])
    assert (shared.proposal(run).preview, shared.proposal(run).tier) == (None, tier + 1)
    shared.reject(run)


def test_call_whose_state_cannot_be_read_again_is_not_sent(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world)
    reader = ToolBinding.objects.filter(tool__name="observe.order")
    with shared.held(run):
        shared.approve(run, rest=False)
        reader.update(active=False)
    run = shared.rest(run)
    reader.update(active=True)
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["stale", "refused"], [])
    assert "observe.order" in shared.call(run).error


def test_call_whose_reader_has_moved_away_is_not_sent(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world)
    with shared.held(run):
        shared.approve(run, rest=False)
        shared.bind(base_url=f"{shared.shop.url}/worlds/{{shop}}", labels=["shop"])
    run = shared.rest(run)
    shared.bind()
    assert (run.state, shared.told(run), shared.sendings(run)) == ("succeeded", ["stale", "refused"], [])
