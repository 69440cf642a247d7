"""The first thing a stranger does: start the demo, decide what waits, see what came of it, stop it, start it again."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orchestra.local import ports
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_", "REDIS_", "ORCHESTRA_", "DJANGO_", "SECRET_KEY", "STORE_")
#: Of the store's own conversations, so many writes are asked about.
PROPOSALS = 9


class Demo:
    """`make demo` without make: the same command, in a folder of the test."""

    def __init__(self, local: Path) -> None:
        self.port = ports.any_free()
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

    def says(self, pattern: str, *, within: float = 120) -> re.Match[str]:
        """What it prints sooner or later; fails at once when it ended."""

        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, self.text()
            return re.search(pattern, self.text())

        return until(found, within=within, what=f"{pattern!r} in:\n{self.text()}")

    def manage(self, *arguments: str) -> str:
        """What a second terminal sees."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def decide(self, verb: str, sentence: str, reason: str) -> str:
        """Decide as cleo about what waits with this sentence, as it is shown; the id of its run."""
        waiting = self.manage("proposal", "list", "--as", "cleo").splitlines()
        (line,) = [line for line in waiting if sentence in line]
        uid = line.split()[0]
        sheet = self.manage("proposal", "show", uid, "--as", "cleo")
        digest, run = (re.search(rf"^  {word} +(\S+)", sheet, re.MULTILINE) for word in ("digest", "run"))
        assert digest
        assert run
        self.manage("proposal", verb, uid, "--digest", digest[1], "--as", "cleo", "--reason", reason)
        return run[1]

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=60) == 0, self.text()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    tmp_path.chmod(0o711)
    return tmp_path / "local"


def test_a_stranger_starts_the_demo_twice_and_decides_what_waits(local: Path) -> None:
    demo = Demo(local)
    children: list[psutil.Process] = []
    try:
        store = demo.says(r"http://(\S+)/ledger")[1]
        assert _get(f"localhost:{demo.port}", "/readyz")[0] == 200
        demo.says(f"Waiting for people: {PROPOSALS} proposals")
        assert "Is this large order genuine?" in demo.manage("question", "list")
        decide(demo, store)
        children = psutil.Process(demo.process.pid).children(recursive=True)
    finally:
        demo.stop()
    assert [child for child in children if child.is_running()] == []
    again = Demo(local)
    try:
        again.says(f"Waiting for people: {PROPOSALS - 2} proposals")
        assert len(again.manage("run", "list", "--limit", "99").splitlines()) == 16
        assert len(_effects(store)) == 1
    finally:
        again.stop()


def decide(demo: Demo, store: str) -> None:
    """One is approved and takes effect once; one is rejected, and its agent is told why."""
    assert _effects(store) == []
    approved = demo.decide("approve", "no longer needed", "as the customer said")
    rejected = demo.decide("reject", "ordered by mistake", "She wants another address.")
    until(lambda: _effects(store), what="an effect in the store")
    until(lambda: "She wants" in demo.manage("run", "talk", rejected), what="the reason, told to the agent")
    until(lambda: "succeeded" in demo.manage("run", "show", approved).splitlines()[0], what="the end")
    assert [effect["tool"] for effect in _effects(store)] == ["cancel_pending_order"]


def _effects(store: str) -> list[dict[str, str]]:
    """The ledger of the store."""
    found: list[dict[str, str]] = json.loads(_get(store, "/ledger")[1])["effects"]
    return found


def _get(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()
