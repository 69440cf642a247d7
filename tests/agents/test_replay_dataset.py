"""The recorded runs with their labels and tasks, and the reference that every live replay is held against."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from reviews.replay import dataset
from reviews.replay.dataset import Dataset, find, spread
from reviews.replay.differences import compare
from reviews.replay.world import Call, replay
from tests.agents.talks import retail


@pytest.fixture(scope="module")
def real() -> Dataset:
    found = find(retail())
    assert found
    return found


def test_a_folder_without_the_files_is_no_data_set(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    (tmp_path / "trajectories.jsonl").write_text("")
    assert find(tmp_path) is None


def test_labels_point_at_the_calls_of_the_recording(real: Dataset) -> None:
    labels = [label for run in real.labels.values() for label in run]
    assert Counter(label.decision for label in labels) == {"approve": 977, "reject": 379}
    for label in labels:
        call = real.recording(label.run).turns[label.turn].calls[label.ordinal]
        assert (call["name"], json.loads(call["arguments"])) == (label.tool, label.arguments)
        assert real.label(label.run, label.turn, label.ordinal) is label


def test_a_call_that_is_no_write_has_no_label(real: Dataset) -> None:
    run = next(iter(real.runs))
    assert real.label(run, 0, 0) is None


def test_the_runs_hold_what_their_data_says(real: Dataset) -> None:
    runs = real.runs.values()
    assert (len(runs), sum(run.writes for run in runs)) == (899, 1356)
    assert all(run.writes == len(real.labels.get(run.run, ())) for run in runs)
    assert sum(len(run.faults) for run in runs) == 123
    assert Counter(run.dialect for run in runs) == {"strict": 713, "lenient": 186}


def test_the_reference_has_966_effects_11_refusals_and_650_true_worlds(real: Dataset) -> None:
    done = {run: real.reference(run) for run in real.runs}
    outcomes = [outcome for each in done.values() for outcome in each.outcomes]
    assert (outcomes.count(None), len(outcomes) - outcomes.count(None)) == (966, 11)
    assert sum(not compare(real.truth(run).world, each.world) for run, each in done.items()) == 650


def test_without_the_gate_every_write_comes_out_as_recorded(real: Dataset) -> None:
    for run, labels in real.labels.items():
        calls = [Call(label.tool, label.arguments or {}) for label in labels]
        done = replay(real.shop, calls, lenient=real.runs[run].dialect == "lenient")
        assert [outcome is None for outcome in done.outcomes] == [label.took_effect for label in labels], run


def test_the_wrong_dialect_would_be_noticed(real: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "LENIENT_SOURCES", frozenset())
    outcomes = [outcome for run in real.runs for outcome in real.reference(run).outcomes]
    assert outcomes.count(None) < 966


def test_the_reference_can_leave_out_what_was_denied(real: Dataset) -> None:
    label = next(label for run in real.labels.values() for label in run if label.label == "right")
    place = frozenset({(label.turn, label.ordinal)})
    left, whole = real.reference(label.run, without=place), real.reference(label.run)
    assert len(left.outcomes) == len(whole.outcomes) - 1
    assert compare(whole.world, left.world) != []


def test_a_small_choice_of_runs_has_every_model(real: Dataset) -> None:
    chosen = spread(real.runs, 60)
    assert len(set(chosen)) == 60
    assert {real.runs[run].model for run in chosen} == {run.model for run in real.runs.values()}
    assert spread(real.runs, None) == spread(real.runs, 5000) == tuple(real.runs)
