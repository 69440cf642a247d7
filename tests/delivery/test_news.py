"""Where questions and proposals are born their messages are born too, in the same transaction; nothing in them is prose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestra.delivery.topics import TOPICS
from orchestra.engine import cancel, halt
from orchestra.models import HumanTask, OutboxMessage, Proposal, Run
from orchestra.models.halts import Scope
from tests.databases import Database
from tests.engine.stage import forget
from tests.gate.lines import DONE, MOVE
from tests.gate.stage import SECRET, GateStage
from tests.store.shop import TOKEN, Shop

pytestmark = pytest.mark.usefixtures("database")
ASK = {"ask": {"kind": "human", "title": "{{ input.name }}", "group": "operators"}}
BREAKS = {"breaks": {"kind": "python", "function": "t.fail", "with": {"message": "canary"}}}


@pytest.fixture
def stage(database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> GateStage:
    monkeypatch.setenv(SECRET, TOKEN)
    forget()
    return GateStage(database, shop)


def told(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """Topics and payloads of a run in order."""
    rows = OutboxMessage.objects.filter(run=run).order_by("pk")
    assert {row.topic for row in rows} <= TOPICS.keys()
    return [(row.topic, row.payload) for row in rows]


def test_proposal_is_told_of_with_its_tool_and_tier_and_not_with_its_sentence(
    stage: GateStage, world: str
) -> None:
    with stage.working():
        run = stage.serve([MOVE, DONE], world)
        proposal = Proposal.objects.get(toolcall__run=run)
        said = {
            "run": str(run.uid),
            "proposal": str(proposal.uid),
            "tool": MOVE["call"],
            "tier": proposal.tier,
        }
        assert told(run) == [("proposal.opened", said)]
        run = stage.approve(run)
        assert [topic for topic, _ in told(run)] == ["proposal.opened", "run.succeeded"]


def test_question_is_told_of_with_its_kind_and_group_and_not_with_its_title(stage: GateStage) -> None:
    with stage.working():
        run = stage.rest(stage.ask(stage.workflow(ASK), "none", {"name": "canary"}))
        question = HumanTask.objects.get(run=run)
        said = {"run": str(run.uid), "question": str(question.uid), "kind": "form", "group": "operators"}
        assert told(run) == [("question.opened", said)]
        assert "canary" in question.title
        assert "canary" not in json.dumps(told(run))


def test_run_that_cannot_go_on_tells_of_an_escalation(stage: GateStage) -> None:
    with stage.working():
        run = stage.rest(stage.ask(stage.workflow(BREAKS), "none"))
        assert [(topic, said["kind"]) for topic, said in told(run)] == [("question.opened", "escalation")]
        assert "canary" not in json.dumps(told(run))


def test_run_cancelled_before_anybody_began_it_is_told_of(stage: GateStage) -> None:
    switch = halt.set_on(Scope.GLOBAL, by=stage.operator, reason="look first")
    run = stage.ask(stage.workflow(ASK), "none", {"name": "x"})
    cancel.request(uid=run.uid, by=stage.operator, reason="not needed")
    halt.lift(uid=switch.uid, by=stage.operator, reason="looked")
    assert told(run) == [("run.cancelled", {"run": str(run.uid), "failure_class": None})]
