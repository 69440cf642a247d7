"""What can go wrong for a client: the server refuses, in its stable codes, or it cannot be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ClientError(Exception):
    """Base of everything that the client raises on purpose; its text is for people."""


class Unreachable(ClientError):
    """No answer that we understand. Whether the request had an effect is not known."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the server finds wrong, and where."""

    pointer: str
    detail: str


class ApiError(ClientError):
    """The server refuses. Programs go by `code`; people read the text."""

    def __init__(
        self,
        *,
        code: str,
        status: int,
        title: str,
        detail: str,
        problems: Sequence[Fault] = (),
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.problems = tuple(problems)
        self.request_id = request_id
        self.retry_after = retry_after
