"""Turns SIGINT, SIGTERM and SIGHUP into one question that waiting code asks: are we to stop?

Refuses to interrupt anything between two waits, so that nothing is started and then lost.
"""

from __future__ import annotations

import os
import select
import signal
import time
from types import TracebackType
from typing import Any, Self

HURRY_AFTER = 1.0  # seconds; make and the terminal may both send the first Ctrl-C


class Stopped(Exception):
    """We were asked to stop while starting."""


class Stopping:
    """Holds the handlers while entered. `pause` is for starts, `wake` a file that is readable after a signal."""

    def __init__(self) -> None:
        self.asked = False
        self.hurry = False
        self._first = 0.0
        self._handlers: dict[int, Any] = {}
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                self._handlers[number] = signal.signal(number, self._hear)
        # A handler of our own, or the end of a child would wake nobody.
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _nothing)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    @property
    def wake(self) -> int:
        """The file to wait for, besides others; call `drain` when it is readable."""
        return self._read

    def drain(self) -> None:
        """Forget the signals that woke us."""
        try:
            while os.read(self._read, 4096):
                pass
        except BlockingIOError:
            return

    def pause(self, seconds: float) -> None:
        """Wait so long, or until a signal comes. Raises Stopped if we are to stop."""
        if not self.asked:
            select.select([self._read], [], [], seconds)
            self.drain()
        if self.asked:
            raise Stopped

    def _hear(self, *_: object) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._first = True, now
        elif now - self._first > HURRY_AFTER:
            self.hurry = True


def _nothing(*_: object) -> None:
    return
