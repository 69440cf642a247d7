"""What each recorded run gets on stage, and what is published for it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from orchestra import schemas
from orchestra.agents import recordings
from orchestra.documents.envelopes import envelopes
from reviews.replay import dataset, scene
from reviews.replay.dataset import Dataset
from reviews.replay.documents import Library
from reviews.replay.parts import ordered, parts, world
from tests.agents import talks
from tests.agents.talks import calls, result, row, says, user

SHAPE = schemas.compile({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}})
DOWN = "Error: 503 Service Unavailable"


def played(*messages: talks.Message) -> recordings.Recording:
    return recordings.build(row("m/task/0", [user("hi"), *messages, says("bye")]))


def asked(number: int, arguments: str, answer: str, tool: str = "look") -> list[talks.Message]:
    return [calls((f"c{number}", tool, arguments)), result(f"c{number}", answer)]


def test_a_fault_is_ordered_by_the_calls_that_reach_the_store() -> None:
    recording = played(
        *asked(1, '{"id": 7}', "Error: bad id"),
        *asked(2, "no json", "Error: no JSON"),
        *asked(3, '{"id": "a"}', "fine", tool="other"),
        *asked(4, '{"id": "a"}', DOWN),
        *asked(5, '{"id": "a"}', "fine"),
    )
    faults = recordings.faults(recording)
    assert [fault.nth for fault in faults] == [3]
    (made,) = ordered(recording, faults, {"look": SHAPE, "other": SHAPE})
    assert made == {"tool": "look", "call": 1, "kind": "error", "status": 503}


def test_a_fault_of_a_call_that_never_arrives_is_not_ordered() -> None:
    recording = played(*asked(1, '{"id": 7}', DOWN), *asked(2, '{"id": "a"}', "fine"))
    assert list(ordered(recording, recordings.faults(recording), {"look": SHAPE})) == []


def test_worlds_have_names_that_labels_may_have_and_that_no_two_runs_share() -> None:
    names = [world(number, run) for number, run in enumerate(["a/b+c.d/0", "a/b c.d/0", "x" * 200], start=1)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) for name in names)
    assert len(set(names)) == 3


def test_each_run_of_the_example_has_its_part(example: Dataset, library: Library) -> None:
    made = {part.run.run: part for part in parts(example, library, example.runs)}
    assert set(made) == set(example.runs)
    assert made["example/unknown-tool/0"].refused == {(2, 0)}
    assert made["example/unparsable-arguments/0"].refused <= made["example/unparsable-arguments/0"].writes
    assert [fault["status"] for fault in made["example/retried-fault/0"].faults] == [503]


def test_every_recorded_fault_and_impossible_call_is_known(library: Library) -> None:
    data = dataset.find(talks.retail())
    assert data
    made = parts(data, library, data.runs)
    assert sum(len(part.faults) for part in made) == 123
    assert sum(len(part.refused) for part in made) == 10 + 99
    assert sum(len(part.writes) for part in made) == 1356
    assert {part.agent for part in made} == set(library.agent_of().values()) - {"store-recorded"}


def test_agents_play_on_from_the_folder_and_each_has_a_workflow(library: Library) -> None:
    agents = envelopes(library.agents(Path("data")))
    settings = [spec["settings"] for found in agents if isinstance(spec := found.spec, dict)]
    assert settings == [{"data": "data", "on_departure": "continue"}] * len(agents)
    workflows = envelopes(library.workflows())
    assert [found.name for found in workflows] == [found.name for found in agents]
    assert all(json.dumps(found.spec).count(f'"agent": "{found.name}"') == 1 for found in workflows)


def test_bindings_are_pointed_at_the_store_of_the_replay(library: Library) -> None:
    text = library.bindings("127.0.0.1:4711")
    assert text.count("127.0.0.1:4711") == 2
    assert "8100" not in text


def test_the_workflows_limit_turns_and_calls_and_let_agents_go_in_circles(library: Library) -> None:
    text = library.workflows(limits=scene.NO_LOOPS)
    specs = [spec for found in envelopes(text) if isinstance(spec := found.spec, dict)]
    assert [spec["limits"] for spec in specs] == [{"turns": 40, "tool_calls": 40, "repeats": 0}] * len(specs)
