"""A client of the example store for replays: makes worlds, reads their states and the ledger.
Refuses to call tools: only the gate does.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from reviews.replay.differences import State

TIMEOUT: Final = 30.0
PAGE: Final = 1_000


class StoreProblem(Exception):
    """The store does not answer, or not as it should."""


@dataclass(slots=True)
class Store:
    """The store at an address (host and port). One connection; not to be shared by threads."""

    address: str
    token: str
    admin_token: str
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT)

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            self._ask("GET", "/healthz")
        except StoreProblem:
            return False
        return True

    def open_world(self, world: str, *, dialect: str, faults: tuple[Mapping[str, Any], ...]) -> None:
        """Make a world with its faults."""
        self._ask("POST", "/worlds", {"id": world, "dialect": dialect, "faults": list(faults)})

    def state(self, world: str) -> State:
        """All orders and users that the world changed; empty for one that nobody entered."""
        found: State = self._ask("GET", f"/worlds/{quote(world, safe='')}/state")
        return found

    def ledger(self) -> Iterator[Mapping[str, Any]]:
        """Every effect, in the order in which they were committed."""
        after: int | None = 0
        while after is not None:
            page = self._ask("GET", f"/ledger?after={after}&limit={PAGE}")
            yield from page["effects"]
            after = page["next"]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        try:
            status, text = self._exchange(method, path, content)
        except (OSError, http.client.HTTPException):
            # It may have closed a connection that we did not use for long; all that we ask can be asked twice.
            self._connection.close()
            status, text = self._again(method, path, content)
        if status not in {200, 201}:
            raise StoreProblem(f"the store answers {method} {path} with {status}: {text[:200]!r}")
        return json.loads(text, parse_float=Decimal)

    def _exchange(self, method: str, path: str, content: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, content, self._headers())
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _again(self, method: str, path: str, content: bytes | None) -> tuple[int, bytes]:
        try:
            return self._exchange(method, path, content)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise StoreProblem(f"the store does not answer {method} {path}: {error!r}") from error

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-Store-Admin-Token": self.admin_token}
