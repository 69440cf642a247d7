"""Lines of scripts that many tests play."""

from __future__ import annotations

from tests.gate.stage import Line
from tests.store.shop import address, cancellation, order_in

CANCEL: Line = {"call": "cancel_pending_order", "with": cancellation()}
DONE: Line = {"say": "Done."}
MOVE: Line = {
    "call": "modify_pending_order_address",
    "with": {"order_id": order_in("pending")["order_id"], **address()},
}
THINK: Line = {"call": "think", "with": {"thought": "hm"}}
