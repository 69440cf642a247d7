"""The one exception of a sending, from whichever stage: what to say, and whether it proves that nothing was sent."""

from __future__ import annotations

from orchestra.contracts import NotSent


class Failed(Exception):
    """A sending ended without a readable reply. The message holds nothing that was sent or received."""

    def __init__(self, message: str, *, not_sent: NotSent | None = None, timed_out: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.not_sent = not_sent
        self.timed_out = timed_out
