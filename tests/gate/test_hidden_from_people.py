"""What a rule keeps from people stands in no sentence, title or address that the engine writes down for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from orchestra.models import Run
from tests.gate.lines import DONE
from tests.gate.stage import GateStage
from tests.store.shop import address

Rules = Callable[..., None]
STREET: str = address()["address1"]


def hiding(stage: GateStage) -> str:
    """A tool that tells its street in the sentence and in the path."""
    request = {"method": "POST", "path": "/tools/modify_user_address", "query": {"to": "{{ args.address1 }}"}}
    return stage.tool("modify_user_address", sentence="Move {user_id} to {address1}", request=request)


def asked(stage: GateStage, world: str, tool: str) -> Run:
    line = {**stage.line("modify_user_address"), "call": tool}
    return stage.serve([line, DONE], world, grants=[tool])


def rule(tool: str, *hidden: str) -> dict[str, Any]:
    requires = {"requires": {"redact": list(hidden)}} if hidden else {}
    return {"id": "r", "tools": [tool], "verdict": "review", "message": "Look.", **requires}


def test_headline_of_a_proposal_lacks_what_a_rule_hides(shared: GateStage, world: str, rules: Rules) -> None:
    tool = hiding(shared)
    rules(rule(tool, "args.address1"))
    proposal = shared.proposal(asked(shared, world, tool))
    assert proposal.sentence.endswith("to “[redacted]”")
    rules(rule(tool))
    assert STREET in shared.proposal(asked(shared, world, tool)).sentence


def test_question_about_a_call_in_doubt_lacks_what_a_rule_hides(
    shared: GateStage, world: str, rules: Rules
) -> None:
    tool = hiding(shared)
    rules(rule(tool, "args.address1"))
    run = asked(shared, world, tool)
    shared.shop.faults(world, {"tool": "modify_user_address", "call": 1, "kind": "lost"})
    question = shared.question(shared.approve(run))
    told = json.dumps([question.title, question.context])
    assert "New" not in told
    assert "[redacted]" in question.title
    assert question.context["request"].startswith("POST http")
    assert "?" not in question.context["request"]
