"""The first thing a stranger does: start the demo, find finished work, stop it, start it again."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orchestra.local import ports
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_", "REDIS_", "ORCHESTRA_", "DJANGO_", "SECRET_KEY")


class Demo:
    """`make demo` without make: the same command, in a folder of the test."""

    def __init__(self, local: Path) -> None:
        self.port = ports.next_free(18_000)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = {**clean, "ORCHESTRA_LOCAL": str(local)}
        self.log = local.parent / "demo.log"
        command = [sys.executable, "-m", "orchestra.local.demo", "--port", str(self.port), "--workers", "1"]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )

    def text(self) -> str:
        """All that it printed."""
        return self.log.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Whether it greeted; fails at once when it ended."""
        assert self.process.poll() is None, self.text()
        return "Orchestra is ready" in self.text()

    def manage(self, *arguments: str) -> str:
        """What a second terminal sees."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=60) == 0, self.text()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    tmp_path.chmod(0o711)
    return tmp_path / "local"


def test_a_stranger_starts_the_demo_twice_and_finds_the_work_done(local: Path) -> None:
    demo = Demo(local)
    children: list[psutil.Process] = []
    try:
        until(demo.is_ready, within=120, what="the demo's greeting")
        assert _status(demo.port, "/readyz") == 200
        until(
            lambda: demo.manage("run", "list").count(" succeeded ") == 2, within=30, what="two finished runs"
        )
        assert "Is this large order genuine?" in demo.manage("question", "list")
        children = psutil.Process(demo.process.pid).children(recursive=True)
    finally:
        demo.stop()
    assert [child for child in children if child.is_running()] == []
    again = Demo(local)
    try:
        until(again.is_ready, within=120, what="the second greeting")
        assert len(again.manage("run", "list").splitlines()) == 3
    finally:
        again.stop()


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    return connection.getresponse().status
