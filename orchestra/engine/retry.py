"""When a failed step is tried again. Pure: the random number is passed in."""

from __future__ import annotations

from orchestra.engine.flight import Failure
from orchestra.workflows.spec import Retry


def worth_it(retry: Retry, failure: Failure, attempt: int) -> bool:
    """Whether attempt number `attempt` (from 1), which failed so, is to be followed by another."""
    return not failure.final and failure.failure_class in retry.on and attempt < retry.attempts


def delay(retry: Retry, attempt: int, chance: float) -> float:
    """Seconds to wait after attempt `attempt`, with full jitter: `chance` in [0, 1) of the exponential step.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    longest = min(retry.longest_wait, retry.first_wait * retry.factor ** min(attempt - 1, 64))
    return float(chance * longest)
