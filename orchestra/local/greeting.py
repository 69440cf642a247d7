"""What the demo says once it is ready: where it is, how to sign in, and a little later what waits for people.

Asks the web, as anybody could: its readiness, then its metrics.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable

from orchestra.local import ports

SLOW = 60.0  # seconds after which we say why it is not ready yet
CALM = 60.0  # seconds after which we say what waits, though not everything has come to rest
LOOK = 1.0  # seconds between two looks
MOVING = ("queued", "running")
SAMPLE = re.compile(r'^(\w+)(?:\{\w+="(\w+)"\})? ([0-9.e+]+)$', re.MULTILINE)

Figures = dict[tuple[str, str], float]


class Greeting:
    """Called a few times a second: greets when the web is ready, tells what waits when nothing moves any more."""

    def __init__(self, port: int, hints: str, say: Callable[[str], None]) -> None:
        self._port = port
        self._address = f"http://localhost:{port}/"
        self._hints = hints.strip()
        self._say = say
        self._until = time.monotonic() + SLOW
        self._next = 0.0
        self._phase = self._await_web

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            self._phase()

    def _await_web(self) -> None:
        status, said = _ask(self._port, "/readyz")
        if status == 200:
            print(self._text(), flush=True)
            self._until = time.monotonic() + CALM
            self._phase = self._await_calm
        elif time.monotonic() > self._until:
            self._until = time.monotonic() + SLOW
            self._say(
                f"not ready yet: /readyz answers {status}: {said}" if status else f"not ready yet: {said}"
            )

    def _text(self) -> str:
        lines = ["", f"  Orchestra is ready: {self._address}", ""]
        lines += [f"  {line}".rstrip() for line in self._hints.splitlines()]
        lines += ["", "  Ctrl-C stops it and keeps the data; make demo-reset throws the data away.", ""]
        return "\n".join(lines)

    def _await_calm(self) -> None:
        """Agents are at work; who asks too early is told too little."""
        self._next = time.monotonic() + LOOK
        status, text = _ask(self._port, "/metrics")
        found = figures(text)
        calm = not any(found.get(("orchestra_runs", state)) for state in MOVING)
        if status != 200 or calm or time.monotonic() > self._until:
            self._phase = _nothing
        if status == 200 and self._phase == _nothing:
            print(f"\n  {waiting(found)}: {self._address}reviews/\n", flush=True)


def figures(text: str) -> Figures:
    """The samples of a Prometheus text with at most one label, by name and label's value."""
    return {(name, label): float(number) for name, label, number in SAMPLE.findall(text)}


def waiting(found: Figures) -> str:
    """How many proposals and questions wait for people."""
    proposals = sum(number for (name, _), number in found.items() if name == "orchestra_proposals_pending")
    questions = sum(number for (name, _), number in found.items() if name == "orchestra_human_tasks_open")
    return f"Waiting for people: {_many(proposals, 'proposal')} and {_many(questions, 'question')}"


def _many(number: float, word: str) -> str:
    return f"{number:.0f} {word}{'' if number == 1 else 's'}"


def _nothing() -> None:
    return


def _ask(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 and why, when there is no answer."""
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(200_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer at port {port} ({error})"
    finally:
        connection.close()
