"""Two threads that begin at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

PATIENCE = 60.0  # seconds


class Pair:
    """Does two things at once, as often as wanted."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._barrier = threading.Barrier(2)

    def at_once(
        self, one: Callable[[], Any], other: Callable[[], Any], *, delays: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Any, Any]:
        """Begin both behind a barrier, each after its delay (seconds); their results, or the first error."""
        futures: list[Future[Any]] = [
            self._pool.submit(self._behind, thing, delay)
            for thing, delay in zip((one, other), delays, strict=True)
        ]
        first, second = futures
        return first.result(PATIENCE), second.result(PATIENCE)

    def _behind(self, thing: Callable[[], Any], delay: float) -> Any:
        self._barrier.wait(PATIENCE)
        time.sleep(delay)
        return thing()


@contextmanager
def pair() -> Iterator[Pair]:
    """A pair of threads."""
    with ThreadPoolExecutor(2) as pool:
        yield Pair(pool)
