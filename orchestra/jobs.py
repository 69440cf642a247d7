"""Entry points of RQ jobs. A job is a hint: it names runs and holds nothing."""

from __future__ import annotations

from orchestra import worker


def advance(run_ids: list[int]) -> None:
    """Tell this process's conductor that these runs are due, and others may be."""
    worker.nudge(run_ids)
