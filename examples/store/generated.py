"""The shop's own small base data: invented customers, orders and wares, the same at every start.

Used where no folder of data is named. Nobody here exists.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

SEED = 20_240
CUSTOMERS = (
    *("Ottoline Fernwhistle", "Barnaby Quillfeather", "Clementina Dustmallow", "Phineas Underbough"),
    *("Wilhelmina Toadflax", "Jasper Candlewick", "Marigold Hushpuddle", "Ferdinand Mothlight"),
    *("Araminta Gooseberry", "Leopold Snailsworth", "Henrietta Bramblethorn", "Casper Willowpatch"),
    *("Philippa Nettlesome", "Ambrose Tinderbox", "Georgiana Puddlemere", "Thaddeus Wrenhollow"),
    *("Cordelia Mossbank", "Rufus Kettlebright", "Euphemia Larkspindle", "Gideon Applecrumb"),
)
TOWNS = (("Marrowick", "QX"), ("Lower Tumbling", "QX"), ("Saltmarsh Green", "QY"), ("Hobbinghall", "QZ"))
STREETS = ("Lantern Lane", "Cobweb Crescent", "Thimble Street", "Old Ferry Road", "Hedgehog Hill")
# Name, options of two kinds, lowest price. The wicks are cheap on purpose: sums of tenths show binary fractions.
WARES: tuple[tuple[str, str, tuple[str, ...], str, tuple[str, ...], str], ...] = (
    ("Storm Lantern", "colour", ("brass", "black"), "size", ("small", "large"), "48.90"),
    ("Lamp Wick", "length", ("10 cm", "20 cm", "30 cm"), "weave", ("flat",), "0.10"),
    ("Teapot", "glaze", ("moss", "cream"), "volume", ("0.8 l", "1.2 l"), "34.50"),
    ("Tea Cosy", "pattern", ("hens", "stripes"), "lining", ("wool", "cotton"), "18.25"),
    ("Weather House", "wood", ("oak", "pine"), "figures", ("two", "four"), "129.00"),
    ("Umbrella Stand", "finish", ("tin", "copper"), "height", ("50 cm", "60 cm"), "67.80"),
    ("Wool Blanket", "colour", ("heather", "rust"), "size", ("single", "double"), "89.95"),
    ("Garden Gnome", "mood", ("cheerful", "grumpy"), "hat", ("red", "green"), "22.40"),
    ("Butter Churn", "capacity", ("2 l", "4 l"), "handle", ("beech", "iron"), "154.60"),
    ("Cuckoo Clock", "call", ("loud", "soft"), "chains", ("brass", "steel"), "239.99"),
    ("Jam Pan", "metal", ("copper", "steel"), "width", ("28 cm", "34 cm"), "76.15"),
    ("Reading Spectacles", "strength", ("1.0", "2.0"), "frame", ("horn", "wire"), "29.70"),
)
ORDERS_EACH = 2
OPEN = (
    16  # so many customers have a pending and a delivered order, the others a processed and a cancelled one
)

Row = dict[str, Any]


def tables() -> Mapping[str, dict[str, Row]]:
    """The tables users, orders and products, each by id."""
    choose = random.Random(SEED)
    products = {product["product_id"]: product for product in map(_product, range(len(WARES)))}
    users: dict[str, Row] = {}
    orders: dict[str, Row] = {}
    for number, name in enumerate(CUSTOMERS):
        user_id, user = _customer(number, name, choose)
        for turn in range(ORDERS_EACH):
            order = _order(
                number * ORDERS_EACH + turn, user_id, user, _status(number, turn), products, choose
            )
            orders[order["order_id"]] = order
            user["orders"].append(order["order_id"])
        users[user_id] = user
    return {"users": users, "orders": orders, "products": products}


def _product(number: int) -> Row:
    name, first, firsts, second, seconds, price = WARES[number]
    product_id = str(5_100_300_001 + 977 * number)
    variants: dict[str, Row] = {}
    for place, (one, other) in enumerate(itertools.product(firsts, seconds)):
        item_id = str(6_200_400_001 + 1_013 * number + 37 * place)
        variants[item_id] = {
            "item_id": item_id,
            "options": {first: one, second: other},
            "available": not (number % 3 == 2 and place == 3),
            "price": Decimal(price) + (Decimal("0.10") if price == "0.10" else Decimal("7.35")) * place,
        }
    return {"name": name, "product_id": product_id, "variants": variants}


def _customer(number: int, name: str, choose: random.Random) -> tuple[str, Row]:
    first, last = name.split()
    town, state = TOWNS[number % len(TOWNS)]
    card: Row = {"source": "credit_card", "brand": "visa", "last_four": f"{choose.randrange(10_000):04}"}
    methods: list[tuple[str, Row]] = [("credit_card", card), ("paypal", {"source": "paypal"})][
        number % 2 : number % 2 + 1
    ]
    if number % 3 != 1:
        balance = Decimal(choose.randrange(2_000, 30_000)) / 100
        methods.append(("gift_card", {"source": "gift_card", "balance": balance}))
    ids = [(f"{kind}_{9_000_001 + 10 * number + place}", body) for place, (kind, body) in enumerate(methods)]
    return f"{first.lower()}_{last.lower()}_{1_001 + number}", {
        "name": {"first_name": first, "last_name": last},
        "address": {
            "address1": f"{choose.randrange(1, 90)} {STREETS[number % len(STREETS)]}",
            "address2": f"Flat {choose.randrange(1, 20)}" if number % 2 else "",
            "city": town,
            "country": "Fictland",
            "state": state,
            "zip": f"0{choose.randrange(1_000, 9_999)}",
        },
        "email": f"{first.lower()}.{last.lower()}@example.com",
        "payment_methods": {method: {**body, "id": method} for method, body in ids},
        "orders": [],
    }


def _status(number: int, turn: int) -> str:
    return (("pending", "delivered") if number < OPEN else ("processed", "cancelled"))[turn]


def _order(
    number: int, user_id: str, user: Row, status: str, products: Mapping[str, Row], choose: random.Random
) -> Row:
    items = [_line(product, choose) for product in choose.sample(list(products.values()), 2 + number % 2)]
    total = sum((item["price"] for item in items), Decimal(0))
    method = next(iter(user["payment_methods"]))
    parcel = {"tracking_id": [str(7_300_500_001 + number)], "item_ids": [item["item_id"] for item in items]}
    history = [{"transaction_type": "payment", "amount": total, "payment_method_id": method}]
    if status == "cancelled":
        history.append({"transaction_type": "refund", "amount": total, "payment_method_id": method})
    return {
        "order_id": f"#W{8_400_601 + 13 * number}",
        "user_id": user_id,
        "address": dict(user["address"]),
        "items": items,
        "fulfillments": [parcel] if status in ("delivered", "processed") else [],
        "status": status,
        "payment_history": history,
    }


def _line(product: Row, choose: random.Random) -> Row:
    variant = choose.choice([variant for variant in product["variants"].values() if variant["available"]])
    return {
        "name": product["name"],
        "product_id": product["product_id"],
        "item_id": variant["item_id"],
        "price": variant["price"],
        "options": dict(variant["options"]),
    }
