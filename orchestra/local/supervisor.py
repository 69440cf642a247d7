"""Keeps processes running: passes their lines on, restarts what dies, stops all in order.

Refuses to decide what runs and to keep quiet about a death. One thread; honcho prints.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from orchestra.local import ledger
from orchestra.local.processes import Running
from orchestra.local.stopping import Stopping

FIRST_DELAY = 0.5  # seconds before the first restart; doubles with each death
LONGEST_DELAY = 30.0
HEALTHY = 60.0  # seconds of life after which the delay starts anew
LONGEST_LINE = 64 * 1024  # bytes; a longer line is passed on in parts
TICK = 0.25  # seconds between two looks at the time


class Voice:
    """Prints lines with time and name. Goes silent when nobody reads any more: the work is not to die of it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._printer = Printer(sys.stdout, width=max(map(len, names), default=0))
        self._colours = dict(zip(names, get_colours(), strict=False))
        self._heard = True

    def say(self, name: str, line: str) -> None:
        """One line of that name."""
        if not self._heard:
            return
        message = Message("line", line + "\n", datetime.now().astimezone(), name, self._colours.get(name))
        try:
            self._printer.write(message)
        except OSError:
            self._heard = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Child:
    """One supervised process: its output, how often it died in a row, when it is due again."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.name = running.command.name
        self.deaths = 0
        self.due = 0.0
        self.rest = b""

    def lines(self, data: bytes) -> list[str]:
        """The complete lines, with what came before; the rest waits for its end."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > LONGEST_LINE:
            whole, self.rest = [*whole, self.rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def delay(self, now: float) -> float:
        """Seconds until it is started again after this death."""
        if now - self.running.started >= HEALTHY:
            self.deaths = 0
        self.deaths += 1
        return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.deaths - 1)))


class Supervisor:
    """Runs `apps` and watches `services` that run already; stops only the apps, the services have an owner."""

    def __init__(
        self, *, local: Path, services: Sequence[Running], apps: Sequence[Running], stopping: Stopping
    ) -> None:
        self._local = local
        self._services = [Child(running) for running in services]
        self._apps = [Child(running) for running in apps]
        self._stopping = stopping
        self._voice = Voice([child.name for child in (*self._services, *self._apps)] + ["demo"])
        self._selector = selectors.DefaultSelector()

    def say(self, line: str) -> None:
        """A line of our own."""
        self._voice.say("demo", line)

    def run(self, tick: Callable[[], None]) -> None:
        """Start the apps and keep all running until a signal comes; `tick` is called a few times a second."""
        self._selector.register(self._stopping.wake, selectors.EVENT_READ)
        try:
            for child in self._apps:
                self._start(child)
            while not self._stopping.asked:
                self._listen(TICK)
                for child in (*self._services, *self._apps):
                    self._look_after(child)
                tick()
        finally:
            self._stop()
            self._selector.close()

    def _start(self, child: Child) -> None:
        process = child.running.start()
        if child in self._apps:  # services know their own leftovers
            ledger.record(self._local, process.pid)
        if process.stdout:
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _listen(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._stopping.drain()
            else:
                self._pass_on(key.data)

    def _pass_on(self, child: Child) -> bool:
        """Print what the child said; False when there is nothing more to read at present, or at all."""
        process = child.running.process
        if process is None or process.stdout is None or process.stdout.closed:
            return False
        try:
            data = os.read(process.stdout.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return False
        for line in child.lines(data):
            self._voice.say(child.name, line)
        if not data:
            self._hang_up(child)
        return bool(data)

    def _hang_up(self, child: Child) -> None:
        process = child.running.process
        if process and process.stdout and not process.stdout.closed:
            self._selector.unregister(process.stdout)
            process.stdout.close()

    def _look_after(self, child: Child) -> None:
        process, now = child.running.process, time.monotonic()
        if process is None:
            if now >= child.due:
                self._start(child)
        elif process.poll() is not None:
            delay = child.delay(now)
            self._bury(child)
            self.say(f"{child.name} died ({_how(process.returncode)}), starts again in {delay:g} s")
            child.due = now + delay

    def _bury(self, child: Child) -> None:
        """End what is left of a process group, pass on its last lines."""
        child.running.kill()
        while self._pass_on(child):
            pass
        self._hang_up(child)
        if child.rest:
            self._voice.say(child.name, child.lines(b"\n")[0])
        child.running.process = None

    def _stop(self) -> None:
        """Ask all apps at once, then kill the groups of those that take too long; a second signal hurries."""
        alive = [child for child in self._apps if child.running.process is not None]
        self.say(f"stopping {', '.join(child.name for child in alive) or 'nothing'}")
        for child in alive:
            child.running.ask_to_stop()
        asked = time.monotonic()
        while alive:
            self._listen(0.1)
            late = time.monotonic() - asked
            for child in alive:
                if child.running.pid:
                    if not self._stopping.hurry and late <= child.running.command.grace:
                        continue
                    why = (
                        "at the second signal" if self._stopping.hurry else "because it did not stop in time"
                    )
                    self.say(f"{child.name} was killed {why}")
                self._bury(child)
            alive = [child for child in alive if child.running.process is not None]
        ledger.forget(self._local)


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
