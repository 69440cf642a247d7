"""The doorbell: tells workers through Redis that runs are due. A hint and nothing more; it may be lost.

Refuses to fail its caller, and to ring when a hint is waiting already.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

import django_rq
import redis
from django.conf import settings
from django.db import connection, transaction
from rq.queue import Queue

from orchestra import logs

JOB = "orchestra.jobs.advance"
MOST_NAMED = 50
REST = 1.0


class Doorbell:
    """Rings, and rests for a second after Redis did not answer, so that nobody waits for it."""

    def __init__(self) -> None:
        self.lost = 0
        self.silent_until = 0.0

    @property
    def answers(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return time.monotonic() >= self.silent_until

    def ring(self, run_ids: Sequence[int]) -> None:
        """Enqueue one hint that names the runs, unless one is waiting: whoever takes that claims these too."""
        if not self.answers:
            self.lost += 1
            return
        try:
            queue = _queue()
            if queue.count == 0:
                queue.enqueue_call(
                    JOB, args=(list(run_ids[:MOST_NAMED]),), result_ttl=0, ttl=60, failure_ttl=60
                )
        except (redis.RedisError, OSError) as error:
            self.lost += 1
            self.silent_until = time.monotonic() + REST
            logs.event("hint.lost", level=logs.WARNING, error=error)


@lru_cache(maxsize=1)
def _queue() -> Queue:
    """One client for the process: its pool keeps connections, and makes new ones when Redis comes back."""
    return django_rq.get_queue(settings.HINT_QUEUE)


doorbell = Doorbell()


def announce(run_ids: Sequence[int]) -> None:
    """Ring after the commit of the current transaction, or at once outside of one."""
    named = list(run_ids)
    if not named:
        return
    if connection.in_atomic_block:
        transaction.on_commit(lambda: doorbell.ring(named))
    else:
        doorbell.ring(named)
