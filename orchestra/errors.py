"""The one family of errors: stable code, HTTP status, message safe to show, retry or not.
Also the closed list of failure classes. Refuses to render: HTML, API and jobs map these themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Self


class FailureClass(StrEnum):
    """Why a Turn, Step or ToolCall failed. Closed: metrics, policies and docs count on it."""

    TOOL_ERROR = "tool_error"
    TOOL_TIMEOUT = "tool_timeout"
    TOOL_REFUSED = "tool_refused"
    POLICY_BLOCK = "policy_block"
    GRANT_BLOCK = "grant_block"
    MODEL_ERROR = "model_error"
    MODEL_REFUSAL = "model_refusal"
    MODEL_GARBAGE = "model_garbage"
    DATA_MISMATCH = "data_mismatch"
    PRECONDITION = "precondition"
    LIMIT = "limit"
    LOOP = "loop"
    HALTED = "halted"
    CANCELLED = "cancelled"
    LOST_WORKER = "lost_worker"
    BUG = "bug"


class OrchestraError(Exception):
    """Base of every error we raise on purpose. `retry`: the same request may work later, unchanged.

    `message` is shown to people and agents, so it holds no secret; `details` is JSON-like and as safe.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self._details = dict(details or {})

    @property
    def details(self) -> Mapping[str, object]:
        """A read-only view; kept behind a property because a mapping proxy cannot be copied."""
        return MappingProxyType(self._details)

    def __str__(self) -> str:
        return self.message


class StaleState(OrchestraError):
    """The row moved since it was read: read again, then decide again."""

    code = "stale-state"
    status = 409


class FenceLost(StaleState):
    """A worker lost its run to another claim: stop at once, write nothing more."""

    code = "fence-lost"


class NotAllowed(OrchestraError):
    """Seen, but not theirs to do. Never used for a wrong state."""

    code = "not-allowed"
    status = 403


class NotFound(OrchestraError):
    """Absent, or not theirs to see: the two look alike on purpose."""

    code = "not-found"
    status = 404


class Expired(OrchestraError):
    """The time for it has run out."""

    code = "expired"
    status = 410


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: JSON pointer ("" is the whole document), sentence, line of the source (1 based) if known."""

    pointer: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line is not None else []
        where += [self.pointer] if self.pointer else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


class Invalid(OrchestraError):
    """The request itself is wrong; `problems` lists where."""

    code = "invalid"
    status = 422

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.problems: tuple[Problem, ...] = tuple(problems)

    @classmethod
    def at(cls, pointer: str, message: str, *, line: int | None = None) -> Self:
        """One problem at one place; the message names the place as well."""
        problem = Problem(pointer, message, line)
        return cls(str(problem), problems=(problem,))

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Self:
        """Several problems; the message is the first of them and how many follow. Needs at least one."""
        found = tuple(problems)
        if not found:
            raise Bug("Invalid.of needs at least one problem")
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return cls(f"{found[0]}{more}", problems=found)


class BudgetExceeded(Invalid):
    """It cannot fit into what is left of a budget."""

    code = "budget-exceeded"


class NoRoute(Invalid):
    """A request names no workflow, and no rule chooses one for it."""

    code = "no-route"


class KeyReused(Invalid):
    """The idempotency key came before with another body."""

    code = "key-reused"


class Halted(OrchestraError):
    """A kill switch is on; only a person lifts it, so asking again does not help."""

    code = "halted"
    status = 423


class LimitHit(OrchestraError):
    """Too much at once; `retry_after` is in seconds."""

    code = "limit-hit"
    status = 429
    retry = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float = 1.0,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class Unavailable(OrchestraError):
    """Something we need is away (database, Redis, a foreign system)."""

    code = "unavailable"
    status = 503
    retry = True


class Bug(OrchestraError):
    """Our own code broke a promise. Logged with its id; never explained to the outside."""

    code = "bug"
    status = 500
