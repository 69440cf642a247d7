"""Recorded agents served through the live gate, with processes, services and a store of their own.

All runs: `make replay`. Here a part of them, when the recorded runs are there; the store's own example always.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agents.talks import ROOT
from tests.replay.test_replay_command import begin

LONGEST = 600.0
DATA = Path(os.environ.get("RETAIL_DATA", ROOT.parent / "shared" / "data" / "retail"))


def replayed(folder: Path, log: Path, *arguments: str) -> str:
    """What it printed; fails with that when the replay did."""
    replay = begin(folder, log, *arguments)
    try:
        status = replay.wait(LONGEST)
    finally:
        replay.kill()
    text = log.read_text(errors="replace")
    assert status == 0, text
    return text


@pytest.mark.parametrize("without", [[], ["--without-policies"]], ids=["policies", "no policies"])
def test_the_store_s_own_conversations_come_out_as_recorded(
    folder: Path, tmp_path: Path, example_folder: Path, without: list[str]
) -> None:
    text = replayed(folder, tmp_path / "log", str(example_folder), *without)
    assert "VIOLATED" not in text


@pytest.mark.skipif(
    not (DATA / "trajectories.jsonl.gz").is_file(),
    reason=f"NO RECORDED RUN WAS REPLAYED: there are none in {DATA}; name their folder in RETAIL_DATA",
)
def test_sixty_recorded_runs_come_out_as_they_must(folder: Path, tmp_path: Path) -> None:
    text = replayed(folder, tmp_path / "log", str(DATA), "--runs", "60")
    assert "VIOLATED" not in text
