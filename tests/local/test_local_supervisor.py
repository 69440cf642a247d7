"""The supervisor: what dies is started again and said; whatever ends it, nothing is left."""

from __future__ import annotations

import ast
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from orchestra.local import ledger
from orchestra.local.processes import Command, Running
from orchestra.local.supervisor import Child
from tests.local.conftest import descendants
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
SLEEPS = "import time\nprint('awake')\ntime.sleep(600)"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(600)"
)
DEAF_AT_FIRST = (
    "import signal, time\n"
    "def first(*_): signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
    "signal.signal(signal.SIGTERM, first)\n"
    "print('deaf')\n"
    "while True: time.sleep(600)"
)
PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('child', child.pid)\n"
    "time.sleep(600)"
)
SHORT_LIVED = "print('again')\nraise SystemExit(3)"
MARK = "ORCHESTRA_TEST_MARK"


def surroundings(mark: str) -> dict[str, str]:
    """Our environment without the servers of the session, and with a mark that all descendants carry."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    return {**kept, MARK: mark, "PYTHONPATH": str(ROOT)}


class Stage:
    """The process of `stage.py` and what it printed."""

    def __init__(self, folder: Path, *programs: str) -> None:
        self.local = folder
        self.log = folder / "stage.log"
        self.mark = f"{folder}-{random.random()}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "local" / "stage.py"), str(folder), *programs],
                env=surroundings(self.mark),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, pattern: str) -> re.Match[str]:
        return until(lambda: re.search(pattern, self.text()), what=f"{pattern!r} in:\n{self.text()}")

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = ast.literal_eval(self.says(r"up (\{.*\})")[1])
        return found

    def ends(self, within: float = 30.0) -> int:
        return self.process.wait(within)

    def left(self) -> list[str]:
        return descendants(self.mark)


Open = Callable[..., Stage]


@pytest.fixture
def stage(local: Path) -> Iterator[Open]:
    """Open a stage on data that is made already; whatever a failed test leaves is killed."""
    opened: list[Stage] = []

    def open_stage(*programs: str) -> Stage:
        opened.append(Stage(local, *programs))
        return opened[-1]

    yield open_stage
    for one in opened:
        print(one.text())  # noqa: T201 - pytest shows it for a failed test
        for line in one.left():
            psutil.Process(int(line.split()[0])).kill()
        one.process.kill()
        one.process.wait()


def test_lines_carry_names_and_a_dead_child_is_started_again_with_growing_delay(stage: Open) -> None:
    shown = stage(f"lively={SLEEPS}", f"frail={SHORT_LIVED}")
    shown.says(r"lively +\| awake")
    shown.says(r"frail +\| again")
    shown.says(r"demo +\| frail died \(exit status 3\), starts again in 0\.5 s")
    shown.says(r"demo +\| frail died \(exit status 3\), starts again in 1 s")
    lively = shown.pids()["lively"]
    os.kill(lively, signal.SIGKILL)
    shown.says(r"demo +\| lively died \(SIGKILL\), starts again in 0\.5 s")
    until(lambda: shown.text().count("| awake") == 2)
    shown.process.terminate()
    assert shown.ends() == 0
    assert shown.left() == []


def test_database_that_dies_is_started_again_and_said(stage: Open) -> None:
    shown = stage(f"app={SLEEPS}")
    os.kill(shown.pids()["postgres"], signal.SIGKILL)
    shown.says(r"demo +\| postgres died \(SIGKILL\)")
    lock = shown.local / "postgres" / "cluster" / "postmaster.pid"
    until(lambda: "ready" in lock.read_text() if lock.exists() else False)
    shown.process.send_signal(signal.SIGINT)
    assert shown.ends() == 0
    assert shown.left() == []


def test_what_a_dead_child_started_is_ended(stage: Open) -> None:
    shown = stage(f"parent={PARENT}")
    orphan = int(shown.says(r"child (\d+)")[1])
    os.kill(shown.pids()["parent"], signal.SIGKILL)
    until(lambda: gone(orphan))
    shown.process.terminate()
    assert shown.ends() == 0
    assert shown.left() == []


def test_stubborn_child_is_killed_after_its_grace(stage: Open) -> None:
    shown = stage(f"deaf={STUBBORN}", f"app={SLEEPS}")
    shown.says(r"\| deaf")
    shown.process.terminate()
    assert shown.ends() == 0
    assert "deaf was killed because it did not stop in time" in shown.text()
    assert "app was killed" not in shown.text()
    assert shown.left() == []


def test_second_signal_hurries_and_still_stops_the_services(stage: Open) -> None:
    shown = stage(f"deaf={STUBBORN}")
    shown.says(r"\| deaf")
    shown.process.send_signal(signal.SIGINT)
    shown.process.send_signal(signal.SIGTERM)  # the terminal and make may both tell it, at the same time
    time.sleep(1.2)
    assert shown.process.poll() is None
    shown.process.send_signal(signal.SIGINT)
    assert shown.ends() == 0
    assert "deaf was killed at the second signal" in shown.text()
    assert "all stopped" in shown.text()
    assert shown.left() == []


def test_kill_9_of_the_supervisor_ends_all(stage: Open) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells children of their parent's death")
    shown = stage(f"app={SLEEPS}", f"other={SLEEPS}")
    shown.pids()
    shown.process.kill()
    shown.ends()
    until(lambda: shown.left() == [], what=f"the end of {shown.left()}")


def test_what_outlived_a_killed_supervisor_is_ended_by_the_next_start(stage: Open) -> None:
    shown = stage(f"deaf={DEAF_AT_FIRST}")
    shown.says(r"\| deaf")
    deaf = shown.pids()["deaf"]
    shown.process.kill()
    shown.ends()
    assert not gone(deaf)
    again = stage(f"app={SLEEPS}")
    again.pids()
    assert gone(deaf)
    again.process.terminate()
    assert again.ends() == 0


def test_stranger_with_a_recorded_pid_is_let_alone(folder: Path) -> None:
    stranger = Running(Command(name="stranger", argv=("sleep", "60")))
    pid = stranger.start().pid
    (folder / "processes").write_text(f"{pid} {time.time() - 1000!r}\nnonsense\n")
    ledger.end_leftovers(folder)
    assert stranger.pid == pid
    ledger.record(folder, pid)
    ledger.end_leftovers(folder)
    assert stranger.pid is None


def test_signal_at_any_early_moment_leaves_nothing(stage: Open) -> None:
    numbers = itertools.cycle([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    for moment, number in zip((0.35, 0.45, 0.55, 0.65, 0.75), numbers, strict=False):
        shown = stage(f"app={SLEEPS}")
        time.sleep(moment * random.uniform(0.8, 1.2))
        shown.process.send_signal(number)
        shown.ends()
        assert shown.left() == []
        assert not (shown.local / "environment").exists()


def test_reader_that_goes_away_does_not_end_the_work(local: Path) -> None:
    mark = f"{local}-{random.random()}"
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "tests" / "local" / "stage.py"),
            str(local),
            f"frail={SHORT_LIVED}",
        ],
        env=surroundings(mark),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout
        while b"up" not in process.stdout.readline():
            pass
        process.stdout.close()
        time.sleep(0.8)
        assert process.poll() is None
        process.terminate()
        process.wait(30)
        assert descendants(mark) == []
    finally:
        process.kill()
        process.wait()


def test_delay_doubles_to_half_a_minute_and_a_minute_of_health_forgets() -> None:
    child = Child(Running(Command(name="frail", argv=("false",))))
    assert [child.delay(1.0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert child.delay(61.0) == 0.5


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
