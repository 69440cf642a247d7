"""The shop's base data, read only and shared by all worlds: customers, orders, products, and indexes over them.

Refuses a folder that lacks one of its three files; without a folder the generated data are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.store import exact, generated

Row = dict[str, Any]
Rows = Mapping[str, Row]
KINDS = ("users", "orders", "products")


@dataclass(frozen=True, slots=True)
class Data:
    """Rows by id. Nobody changes them: a world keeps its own copy of what it changed.

    `names` maps (first, last) in small letters to user ids, `variants` an item id to its product id.
    """

    users: Rows
    orders: Rows
    products: Rows
    digest: str
    emails: Mapping[str, str]
    names: Mapping[tuple[str, str], tuple[str, ...]]
    variants: Mapping[str, str]

    def row(self, kind: str, row_id: str) -> Row | None:
        """A row as it was at first."""
        rows: Rows = {"users": self.users, "orders": self.orders, "products": self.products}[kind]
        return rows.get(row_id)


def load(folder: Path | None) -> Data:
    """The data of a folder with users.json, orders.json and products.json, else the generated ones."""
    if folder is None:
        return build(generated.tables())
    missing = [kind for kind in KINDS if not (folder / f"{kind}.json").is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} has no {missing[0]}.json; STORE_DATA names a folder with {KINDS}")
    return build({kind: exact.read((folder / f"{kind}.json").read_bytes()) for kind in KINDS})


def build(tables: Mapping[str, Rows]) -> Data:
    """Data from the three tables, with the indexes."""
    users, orders, products = (tables[kind] for kind in KINDS)
    names: dict[tuple[str, str], tuple[str, ...]] = {}
    for user_id, user in users.items():
        name = spelled(user["name"]["first_name"], user["name"]["last_name"])
        names[name] = (*names.get(name, ()), user_id)
    return Data(
        users=users,
        orders=orders,
        products=products,
        digest=exact.digest({kind: tables[kind] for kind in KINDS}),
        emails={user["email"].lower(): user_id for user_id, user in reversed(list(users.items()))},
        names=names,
        variants={
            item: product_id for product_id, product in products.items() for item in product["variants"]
        },
    )


def spelled(first: str, last: str) -> tuple[str, str]:
    """A name as the index has it."""
    return first.lower(), last.lower()
