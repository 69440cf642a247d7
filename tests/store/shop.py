"""A client of the example shop for tests: it knows the addresses and the secrets, and no business rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from examples.store import data, exact

TOKEN = "token-of-the-tests"
ADMIN = "admin-token-of-the-tests"
BASE = data.load(None)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that listens at `url`, with its tables at `database_url`."""

    url: str
    database_url: str
    client: httpx.Client

    def call(self, world: str, tool: str, *, key: str | None = None, **arguments: Any) -> httpx.Response:
        """Ask for a tool call."""
        return self.send(world, tool, exact.write(arguments), key=key)

    def send(self, world: str, tool: str, body: str | bytes, *, key: str | None = None) -> httpx.Response:
        """Ask for a tool call with these bytes."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(f"/worlds/{world}/tools/{tool}", content=body, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at an address, with exact numbers; it must be there."""
        found = self.client.get(path, params=query)
        assert found.status_code == 200, found.text
        return exact.read(found.text)

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask as the one who makes worlds and faults."""
        headers = {"X-Store-Admin-Token": ADMIN}
        return self.client.request(method, path, content=exact.write(body), headers=headers)

    def faults(self, world: str, *faults: dict[str, Any]) -> None:
        """Order faults; they must be accepted."""
        ordered = self.admin("POST", f"/worlds/{world}/faults", {"faults": list(faults)})
        assert ordered.status_code == 200, ordered.text

    def effects(self, world: str) -> list[dict[str, Any]]:
        """The ledger of a world."""
        found: list[dict[str, Any]] = self.get("/ledger", world=world)["effects"]
        return found


def order_in(status: str, place: int = 0) -> dict[str, Any]:
    """An order of the generated data as it is at first."""
    return [order for order in BASE.orders.values() if order["status"] == status][place]


def cancellation(place: int = 0) -> dict[str, Any]:
    """Arguments that cancel a pending order."""
    return {"order_id": order_in("pending", place)["order_id"], "reason": "no longer needed"}


def address(**changes: str) -> dict[str, Any]:
    """Arguments for the tools that change an address."""
    parts = {"address1": "1 New Road", "address2": "", "city": "Marrowick", "state": "QX"}
    return {**parts, "country": "Fictland", "zip": "01234", **changes}
