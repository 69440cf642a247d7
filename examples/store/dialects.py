"""How strict a world is with orders that were changed before: the two ways recorded back offices had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """`opens_modified_orders`: address and payment may change after items did. `refuses_same_item`: a
    pending order's item is not swapped for itself.
    """

    name: str
    opens_modified_orders: bool
    refuses_same_item: bool


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("strict", opens_modified_orders=False, refuses_same_item=False),
        Dialect("lenient", opens_modified_orders=True, refuses_same_item=True),
    )
}
STRICT = DIALECTS["strict"]
