"""Which limit of a run its agents and calls have reached. Counts what is written down."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestra.engine.case import Case
from orchestra.engine.history import History
from orchestra.errors import FailureClass


class LimitReached(Exception):
    """Going on would break a limit; `message` says which, for the people who are asked."""

    def __init__(self, limit: str, message: str, failure: FailureClass = FailureClass.LIMIT) -> None:
        super().__init__(message)
        self.limit = limit
        self.message = message
        self.failure = failure


def check(case: Case, limit: str | None) -> None:
    """Raise LimitReached if there is one."""
    if limit is not None:
        most = case.flight.run.limits[limit]
        raise LimitReached(limit, f"The run reached its limit of {most} {limit.replace('_', ' ')}.")


def of_turn(case: Case) -> str | None:
    """The limit that one more question to a model would break."""
    limits, history = case.flight.run.limits, case.talk.history
    asked = sum(job.work.kind == "model" for job in case.flight.at_work.values())
    if asked + sum(turn.message is not None for turn in history.turns) >= int(limits["turns"]):
        return "turns"
    tokens = limits.get("tokens")
    if tokens is not None and sum(turn.input_tokens + turn.output_tokens for turn in history.turns) >= tokens:
        return "tokens"
    return "cost" if _too_dear(limits, history) else None


def of_call(case: Case) -> str | None:
    """The limit that one more call would break."""
    return "tool_calls" if case.used >= int(case.flight.run.limits["tool_calls"]) else None


def _too_dear(limits: Mapping[str, Any], history: History) -> bool:
    """Only what is told in the limit's own currency can be added up."""
    if limits.get("cost") is None:
        return False
    amount, currency = str(limits["cost"]).split()
    spent = (turn.cost for turn in history.turns if turn.cost is not None and turn.currency == currency)
    return sum(spent, Decimal(0)) >= Decimal(amount)
