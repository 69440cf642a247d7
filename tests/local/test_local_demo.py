"""`python -m orchestra.local.demo` from the outside, on a stand-in project that needs no Django."""

from __future__ import annotations

import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from orchestra.local import greeting
from tests.local.conftest import descendants
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
PORT = "18000"  # where to begin; the demo takes the next free one
MARK = "ORCHESTRA_TEST_MARK"


class Demo:
    """One run of the demo and what it printed."""

    def __init__(self, project: Path, local: Path, *arguments: str) -> None:
        self.mark = f"{project}-{random.random()}"
        self.log = local.parent / f"demo-{random.random()}.log"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith("_URL") and name != "SECRET_KEY"
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestra.local.demo", *arguments],
                env={**kept, MARK: self.mark, "ORCHESTRA_LOCAL": str(local), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd=project,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, pattern: str) -> re.Match[str]:
        return until(lambda: re.search(pattern, self.text()), what=f"{pattern!r} in:\n{self.text()}")

    def ends(self) -> int:
        return self.process.wait(60)

    def stops(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)
        assert self.ends() == 0, self.text()
        assert descendants(self.mark) == []


Show = Callable[..., Demo]


@pytest.fixture
def project(folder: Path) -> Path:
    """A checkout with the real `orchestra.local` and stand-ins for the rest."""
    made = folder / "project"
    shutil.copytree(ROOT / "tests" / "local" / "project", made)
    shutil.copytree(ROOT / "orchestra" / "local", made / "orchestra" / "local")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "orchestra" / name, made / "orchestra" / name)
    return made


@pytest.fixture
def show(project: Path, local: Path) -> Iterator[Show]:
    """Start the demo; whatever a failed test leaves is killed."""
    shown: list[Demo] = []

    def start(*arguments: str) -> Demo:
        shown.append(Demo(project, local, *arguments))
        return shown[-1]

    yield start
    for demo in shown:
        print(demo.text())  # noqa: T201 - pytest shows it for a failed test
        for line in descendants(demo.mark):
            psutil.Process(int(line.split()[0])).kill()
        demo.process.wait()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_demo_greets_at_the_next_free_port_refuses_a_second_one_and_revives_its_web(
    show: Show, local: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        demo = show("--port", str(wanted), "--workers", "2")
        port = int(demo.says(r"Orchestra is ready: http://localhost:(\d+)/")[1])
        assert port > wanted
        assert f"port {wanted} is taken, using {port}" in demo.text()
    assert answers(port)
    assert "  Sign in as ada\n" in demo.text()
    for name in ("worker1", "worker2"):
        demo.says(rf"{name} *\| working as {name} on postgresql://orchestra_app:.*, store token \S{{32}}")
    assert "store of postgresql://example_store:" in (local / "store" / "server.log").read_text()
    assert (local / "secret_key").stat().st_mode & 0o077 == 0

    for arguments in ((), ("--reset",)):
        second = show(*arguments)
        assert second.ends() == 1
        assert f"already running here (pid {demo.process.pid})" in second.text()
    assert answers(port)

    web = next(child for child in psutil.Process(demo.process.pid).children() if "granian" in child.cmdline())
    web.kill()
    demo.says(r"demo +\| web died \(SIGKILL\), starts again in 0\.5 s")
    until(lambda: answers(port), what="the web at its port again")
    demo.stops()
    assert not answers(port)


def test_second_start_keeps_the_secret_key(show: Show) -> None:
    keys = []
    for number in (signal.SIGINT, signal.SIGTERM):
        demo = show("--port", PORT, "--workers", "1")
        keys.append(demo.says(r"Key (\S{40,})")[1])
        demo.stops(number)
    assert keys[0] == keys[1]


def test_failed_preparation_is_shown_and_stops_all(show: Show, local: Path) -> None:
    (local / "seed_demo-fails").touch()
    demo = show("--port", PORT)
    assert demo.ends() == 1
    assert "manage.py seed_demo failed (exit status 1):\nseed_demo cannot do this" in demo.text()
    assert descendants(demo.mark) == []


def test_data_that_are_not_those_of_the_first_start_are_refused(
    show: Show, local: Path, tmp_path: Path
) -> None:
    demo = show("--port", PORT, "--data", str(tmp_path))
    assert demo.ends() == 1
    assert f"{tmp_path} holds no data of a shop: users.json" in demo.text()
    demo = show("--port", PORT, "--workers", "1")
    demo.says("Orchestra is ready")
    demo.stops()
    for name in ("users", "orders", "products"):
        (tmp_path / f"{name}.json").write_text("{}")
    demo = show("--port", PORT, "--data", str(tmp_path))
    assert demo.ends() == 1
    assert f"began with the data in {local.resolve() / 'store' / 'data'}" in demo.text()


def test_signal_while_the_web_starts_leaves_nothing(show: Show) -> None:
    for moment in (0.1, 0.5):
        demo = show("--port", PORT)
        demo.says(r"\| working as worker2")
        time.sleep(moment)
        demo.stops(signal.SIGTERM)


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--workers", "none"]])
def test_wrong_numbers_are_refused_before_anything_starts(show: Show, wrong: list[str]) -> None:
    demo = show(*wrong)
    assert demo.ends() == 2
    assert "is no number from 1 to" in demo.text()


def test_what_waits_is_told_from_the_metrics() -> None:
    text = """# HELP orchestra_runs Runs by state.
orchestra_runs{state="queued"} 0.0
orchestra_proposals_pending{tier="1"} 2.0
orchestra_proposals_pending{tier="3"} 10.0
orchestra_human_tasks_open{kind="form"} 1.0
orchestra_database_size_bytes 1.2345e+07
"""
    found = greeting.figures(text)
    assert found["orchestra_runs", "queued"] == 0
    assert found["orchestra_database_size_bytes", ""] == 12_345_000
    assert greeting.waiting(found).endswith("12 proposals and 1 question")


def test_old_python_is_told_so(project: Path) -> None:
    code = "import sys; sys.version_info = (3, 9, 2); import orchestra.local.demo"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "Orchestra needs Python 3.11 or newer" in ended.stderr
    assert "Traceback" not in ended.stderr
