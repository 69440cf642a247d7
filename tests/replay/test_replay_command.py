"""The command around a replay: what it refuses, and that it leaves nothing running when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.agents.talks import ROOT
from tests.local.conftest import descendants
from tests.waiting import until

MARK = "REPLAY_UNDER_TEST"


def begin(folder: Path, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """`manage.py replay ARGUMENTS` with its own services below the folder."""
    command = [sys.executable, "manage.py", "replay", *arguments, "--folder", str(folder)]
    with log.open("wb") as output:
        environment = {**os.environ, MARK: str(folder)}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


def test_a_folder_without_recordings_is_refused(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert begin(folder, log, str(tmp_path)).wait(60) == 1
    assert "There are no recorded runs in" in log.read_text()


def test_make_wants_to_know_the_folder() -> None:
    done = subprocess.run(
        ["make", "-s", "-n", "replay"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "make replay DATA=folder" in done.stdout + done.stderr


def test_nothing_is_left_when_it_is_stopped(folder: Path, tmp_path: Path, example_folder: Path) -> None:
    log = tmp_path / "log"
    replay = begin(folder, log, str(example_folder))
    try:
        until(lambda: (folder / "worker1.log").exists() or replay.poll() is not None, within=120)
        assert replay.poll() is None, log.read_text()
        replay.send_signal(signal.SIGINT)
        assert replay.wait(60) == 130, log.read_text()
        assert "nothing is left running" in log.read_text()
        assert descendants(str(folder)) == []
    finally:
        replay.kill()
