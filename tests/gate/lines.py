"""Lines of scripts that many tests play."""

from __future__ import annotations

from tests.store.shop import address, cancellation, order_in

CANCEL = {"call": "cancel_pending_order", "with": cancellation()}
DONE = {"say": "Done."}
MOVE = {
    "call": "modify_pending_order_address",
    "with": {"order_id": order_in("pending")["order_id"], **address()},
}
THINK = {"call": "think", "with": {"thought": "hm"}}
