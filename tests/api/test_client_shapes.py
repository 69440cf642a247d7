"""What the client makes of an answer has each field that the document of the API promises, and no other."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestra.client import refusals, shapes

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
#: Where the API calls it otherwise.
NAMES = {
    "Task": "TaskListed",
    "TaskDetail": "TaskTold",
    "Run": "RunListed",
    "RunDetail": "RunTold",
    "Step": "StepTold",
    "Event": "EventTold",
    "Events": "EventPage",
    "Proposal": "ProposalListed",
    "ProposalDetail": "ProposalTold",
    "Vote": "VoteTold",
    "Rule": "RuleTold",
    "Question": "QuestionListed",
    "QuestionDetail": "QuestionTold",
    "Token": "TokenMade",
    "Page": "TaskPage",
}
KINDS = {
    name: kind
    for module in (refusals, shapes)
    for name, kind in vars(module).items()
    if is_dataclass(kind) and kind.__module__ == module.__name__
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_client_knows_what_the_api_tells(name: str) -> None:
    schemas: dict[str, Any] = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    told = schemas[NAMES.get(name, name)]["properties"]
    assert {each.name for each in fields(KINDS[name])} == set(told)
