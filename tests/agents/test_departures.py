"""A live result departs from the recorded one by outcome class or by a key field, and by nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestra.agents.departures import departures, failed

ORDER: dict[str, Any] = {
    "order_id": "#W0000001",
    "status": "pending",
    "items": [
        {"name": "Lamp", "item_id": "111", "price": 10.5},
        {"name": "Mug", "item_id": "222", "price": 3},
    ],
    "payment_history": [{"transaction_type": "payment", "amount": 13.5, "payment_method_id": "paypal_1"}],
}


def changed(**fields: Any) -> str:
    return json.dumps(ORDER | fields)


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (changed(), changed(items=ORDER["items"][::-1])),
        (changed(), changed(version=7, note="new")),
        (changed(), changed(payment_history=[ORDER["payment_history"][0] | {"amount": "13.50"}])),
        (changed(), changed(payment_history=[ORDER["payment_history"][0] | {"amount": 13.500000000000002}])),
        (changed(), changed(items=[item | {"name": "Thing"} for item in ORDER["items"]])),
        ("Error: user not found", "Error: no customer has this address"),
        ("Unknown action create_order", "Error: there is no tool create_order"),
        ("Transfer successful", '{"status": "queued for a person"}'),
        ("Transfer successful", ""),
        ("", "null"),
        (changed(cancel_reason=None, exchange_items=None), changed()),
        (changed(), changed(cancel_reason=None)),
        ("ada_low_1", '"ada_low_1"'),
        ("ada_low_1", '{"user_id": "ada_low_1"}'),
        ("-16.63", '{"result": "-16.630000000001"}'),
        ('{"user_id": "ada_low_1", "payment_methods": {}}', '{"payment_methods": {}}'),
        ('{"payment_methods": {}}', '{"user_id": "ada_low_1", "payment_methods": {}}'),
    ],
)
def test_harmless_differences_are_no_departure(recorded: str, live: str) -> None:
    assert departures(recorded, live) == []


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (changed(status="cancelled"), "status was pending in the recording, is cancelled here"),
        (changed(order_id="#W0000002"), "order_id was #W0000001"),
        (changed(items=ORDER["items"][:1]), "items.item_id was 222 in the recording, is absent here"),
        (
            changed(items=ORDER["items"] + ORDER["items"][:1]),
            "items.price was absent in the recording, is 10.50",
        ),
        (changed(payment_history=[]), "payment_history.amount was 13.50"),
        (changed(payment_history=[ORDER["payment_history"][0] | {"amount": 13.51}]), "is 13.51 here"),
        ("Error: order not found", "succeeded in the recording, failed (Error: order not found) here"),
        ("{}", "order_id was #W0000001 in the recording, is absent here"),
    ],
)
def test_a_key_field_or_an_outcome_that_differs_is_told(live: str, told: str) -> None:
    assert told in "; ".join(departures(changed(), live))


def test_a_call_that_failed_then_and_goes_well_now_departs() -> None:
    assert departures("Error: 503 Service Unavailable", changed()) == [
        "failed (Error: 503 Service Unavailable) in the recording, succeeded here"
    ]


def test_ids_and_numbers_alone_are_compared() -> None:
    assert departures("ada_low_1", "ada_low_2") != []
    assert departures("12.34", '{"result": 12.35}') != []


def test_many_differences_are_told_shortly() -> None:
    recorded = {f"field{n}": n for n in range(50)}
    told = departures(json.dumps(recorded), json.dumps({name: n + 1 for name, n in recorded.items()}))
    assert len(told) == 6
    assert told[-1] == "and 45 more"


def test_an_amount_beyond_all_decimals_is_compared_as_text() -> None:
    assert departures("1e99", "1e99") == []
    assert departures('{"a": 12345678901234567890.123}', '{"a": 1}') != []


def test_words_in_prose_do_not_make_a_failure() -> None:
    assert not failed("There was no Error")
    assert not failed("Errors are listed below")
    assert failed(" Error: order not found")
