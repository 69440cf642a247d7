"""What the tables hold after a run becomes what the report counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from orchestra.models import ToolCall
from reviews.replay import harvest
from reviews.replay.dataset import Dataset
from reviews.replay.differences import state
from reviews.replay.documents import Library
from reviews.replay.harvest import Evidence
from reviews.replay.outcomes import CallOutcome, Ended, Results, RunOutcome
from reviews.replay.parts import Part, parts
from reviews.replay.verdict import verdict
from reviews.replay.world import World
from tests import factories
from tests.databases import Database
from tests.replay.conftest import LIBRARY
from tests.replay.played import Stage, stage

RUN = "example/cancellation/0"
EFFECTS = {name: str(said["effect"]) for name, said in LIBRARY.declarations().items()}


@pytest.fixture
def made(database: Database) -> Stage:
    found = stage(RUN)
    found.said("hello", "one", "two", "three", "now")
    return found


@pytest.fixture
def part(example: Dataset, library: Library) -> Part:
    return parts(example, library, [RUN])[0]


def outcome(made: Stage, part: Part, data: Dataset, world: World, **effects: int) -> RunOutcome:
    found = Evidence(state(world), Counter(effects), waits=(0.5,))
    return harvest.outcome(harvest.played(part, made.run.pk), data, EFFECTS, found)


def one(made: Stage, part: Part, data: Dataset) -> CallOutcome:
    return outcome(made, part, data, World(data.shop)).calls[0]


def test_a_run_that_went_as_recorded_breaks_nothing(made: Stage, part: Part, example: Dataset) -> None:
    call = made.call("cancel_pending_order", state="awaiting_approval")
    factories.walk(factories.proposal(call), "approved")
    factories.walk(call, "dispatched")
    factories.dispatch(call, key="k1")
    factories.walk(call, "succeeded")
    factories.walk(made.run, "succeeded")
    found = outcome(made, part, example, example.reference(RUN).world, k1=1)
    assert (found.ended, found.expected, found.waits) == (Ended.SUCCESS, Ended.SUCCESS, (0.5,))
    assert (found.from_reference, found.from_truth, found.truth_without_policies) == ((), (), True)
    (call_found,) = found.calls
    assert (call_found.turn, call_found.decision, call_found.label) == (4, "approve", "right")
    assert (call_found.effects, call_found.reviewed, call_found.accepted) == (1, True, True)
    assert next(harvest.sent(harvest.played(part, made.run.pk), EFFECTS)).keys == ("k1",)
    assert verdict(Results(runs=(found,), seconds=1.0, whole=False)) == []


def test_an_effect_that_is_missing_shows_in_the_world(made: Stage, part: Part, example: Dataset) -> None:
    found = outcome(made, part, example, World(example.shop))
    assert any("status" in told for told in found.from_reference)
    assert any("status" in told for told in found.from_truth)


def test_denials_name_their_rules(made: Stage, part: Part, example: Dataset) -> None:
    call = made.call("cancel_pending_order", state="denied")
    rules = [{"id": "not_pending", "verdict": "deny"}, {"id": "look", "verdict": "review"}]
    factories.ruling(call, verdict="deny", rules=rules)
    assert one(made, part, example).denied_by == ("not_pending",)


def test_a_denied_call_is_left_out_of_the_reference(made: Stage, part: Part, example: Dataset) -> None:
    factories.ruling(made.call("cancel_pending_order", state="denied"), verdict="deny")
    assert outcome(made, part, example, World(example.shop)).from_reference == ()


@pytest.mark.parametrize(
    ("tool", "columns", "expected"),
    [
        ("cancel_pending_order", {"raw": b'{"order_id": 7}'}, (("schema",), False, "destructive")),
        ("think", {"raw": b"{"}, ((), True, "read")),
        ("create_order", {"raw": b"{}"}, ((), False, "")),
    ],
)
def test_refusals_are_told_apart(
    made: Stage, part: Part, example: Dataset, tool: str, columns: dict[str, Any], expected: object
) -> None:
    version = factories.toolversion() if tool in EFFECTS else None
    made.call(tool, state="refused", tool_version=version, failure_class="data_mismatch", **columns)
    found = one(made, part, example)
    assert (found.denied_by, found.garbled, found.effect) == expected


def test_a_new_revision_of_a_stale_call_is_marked(made: Stage, part: Part, example: Dataset) -> None:
    stale: ToolCall = made.call("cancel_pending_order", state="stale")
    made.call("cancel_pending_order", revision=1, parent=stale)
    found = outcome(made, part, example, World(example.shop))
    assert [(call.state, call.again, call.turn) for call in found.calls] == [
        ("stale", False, 4),
        ("proposed", True, 4),
    ]


@pytest.mark.parametrize(
    ("context", "ended", "why"),
    [
        ({"ended": "handed_off"}, Ended.HANDED_OFF, ""),
        ({"ended": "cut"}, Ended.RECORDING_ENDED, ""),
        ({"ended": "departed"}, Ended.DEPARTED, ""),
        ({"failure_class": "limit", "error": "41 turns"}, Ended.OTHER, "limit: 41 turns"),
    ],
)
def test_an_escalation_says_how_the_run_ended(
    made: Stage, part: Part, example: Dataset, context: dict[str, str], ended: Ended, why: str
) -> None:
    factories.humantask(made.run, kind="escalation", context=context)
    factories.walk(made.run, "escalated")
    found = outcome(made, part, example, World(example.shop))
    assert found.ended == ended
    assert why in found.why


def test_runs_that_fail_stand_still_or_are_not_there(made: Stage, part: Part, example: Dataset) -> None:
    assert outcome(made, part, example, World(example.shop)).ended == Ended.STUCK
    factories.walk(made.run, "failed")
    assert outcome(made, part, example, World(example.shop)).ended == Ended.FAILED
    assert harvest.lost(part, example).ended == Ended.LOST


def test_departures_are_the_notes_of_turns(made: Stage, part: Part, example: Dataset) -> None:
    factories.turn(made.step, number=5, message={"content": "x"}, notes=["turn 4, call 1 (think): failed"])
    factories.turn(made.step, number=6, ended="cut", notes=["the recording ends in the middle"])
    found = outcome(made, part, example, World(example.shop))
    assert found.departures == ("turn 4, call 1 (think): failed",)
