"""Durations, sizes and money as people write them."""

from __future__ import annotations

import pytest

from orchestra.documents import quantities


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("10m", 600),
        ("2h", 7_200),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1h30m", 5_400),
        ("1.5h", 5_400),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert quantities.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["30", "", "s", "-1s", "1 h", "1y", "1h 30m", "0s", "0.0h", "367d", "9" * 30 + "s", "١s", "1h\n"]
)
def test_what_is_no_duration_or_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        quantities.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (30, "30 seconds"),
        (1, "1 second"),
        (5_400, "1 hour 30 minutes"),
        (172_800, "2 days"),
        (0.5, "500 milliseconds"),
        (90_061, "1 day 1 hour"),
    ],
)
def test_a_duration_is_said_in_two_units_at_most(seconds: float, words: str) -> None:
    assert quantities.spoken(seconds) == words


def test_a_size_is_a_whole_number_of_bytes() -> None:
    assert [quantities.size(text) for text in ("512B", "64KB", "256KiB", "1MiB")] == [
        512,
        64_000,
        262_144,
        1_048_576,
    ]
    for text in ("0B", "1", "1.5KiB", "1 KiB", "1GB", "-1B"):
        with pytest.raises(ValueError, match="size"):
            quantities.size(text)


def test_money_stays_text_and_has_a_currency() -> None:
    assert quantities.money("5.00 USD") == "5.00 USD"
    for text in ("5.00", "0.00 USD", "-1 USD", "5,00 USD", "5.00 usd", "1e3 USD", "5.00000 USD"):
        with pytest.raises(ValueError, match="amount"):
            quantities.money(text)
