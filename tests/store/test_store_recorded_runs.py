"""The shop's rules against 899 recorded runs: every answer is the recorded one. Loudly skipped without the data."""

from __future__ import annotations

import pytest

from examples.store import data, exact, tools
from examples.store.operations import Memory
from tests.store import recorded

HERE = (recorded.FOLDER / "trajectories.jsonl.gz").is_file()
pytestmark = pytest.mark.skipif(
    not HERE,
    reason="THE 899 RECORDED RUNS WERE NOT COMPARED: no data; name their folder in RETAIL_DATA",
)


@pytest.fixture(scope="module")
def base() -> data.Data:
    """The recorded shop's base data."""
    return data.load(recorded.FOLDER)


def test_every_recorded_call_gets_the_recorded_answer(base: data.Data) -> None:
    tally = recorded.Tally()
    number = 0
    for run in recorded.runs():
        recorded.compare(base, run, tally)
        number += 1
    assert tally.differences == []
    assert number == 899
    assert (tally.faults, tally.unknown, tally.unparsable) == (123, 10, 99)
    assert (tally.compared, tally.by_schema) == (6_956, 260)


def test_the_approved_calls_have_the_effects_of_the_reference(base: data.Data) -> None:
    decisions, truths = recorded.labels(), recorded.truths()
    approved = effects = as_wanted = 0
    for run in recorded.runs():
        memory, dialect = Memory(), recorded.dialect_of(run)
        for message, place, function, _ in recorded.calls(run):
            if decisions.get((run["run"], message, place)) == "approve":
                approved += 1
                arguments = exact.read(function["arguments"])
                told = recorded.ask(base, memory, dialect, function["name"], arguments)
                effects += told.error is None
        wanted = Memory()
        for action in truths[run["task"]]:
            if action["name"] in tools.TOOLS:
                recorded.ask(base, wanted, dialect, action["name"], action["arguments"])
        as_wanted += recorded.ending(base, memory) == recorded.ending(base, wanted)
    assert (approved, effects, approved - effects) == (977, 966, 11)
    assert as_wanted == 650


def test_the_tools_have_the_names_and_parameters_of_the_recorded_ones() -> None:
    theirs = {
        tool["function"]["name"]: tool for tool in exact.read((recorded.FOLDER / "tools.json").read_text())
    }
    ours = {tool["function"]["name"]: tool for tool in tools.describe()}
    assert ours.keys() == theirs.keys()
    for name, tool in ours.items():
        other = theirs[name]
        assert {**tool, "function": None} == {**other, "function": None}
        assert tool["function"]["parameters"]["required"] == other["function"]["parameters"]["required"]
        assert tool["function"]["description"] != other["function"]["description"]
