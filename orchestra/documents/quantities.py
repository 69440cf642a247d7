"""Durations, sizes and money as people write them: `1h30m`, `256KiB`, `5.00 USD`.

Refuses bare numbers: a number without a unit is how an hour becomes a second.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

#: Also the patterns of the JSON Schema, so that an editor refuses what we refuse.
DURATION: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"
SIZE: Final = r"^[0-9]+(B|KB|KiB|MB|MiB)$"
MONEY: Final = r"^[0-9]{1,12}(\.[0-9]{1,4})? [A-Z]{3}$"

#: No duration is longer: a run that waits longer than a leap year is a mistake in the file.
LONGEST: Final = 366 * 86_400.0

_SECONDS: Final = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES: Final = {"B": 1, "KB": 1_000, "KiB": 1_024, "MB": 1_000_000, "MiB": 1_048_576}
_WORDS: Final = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond"}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhdw])")


def seconds(text: str) -> float:
    """`500ms`, `30s`, `1h30m`, `2d`, `1w` in seconds; ValueError unless above zero and at most a leap year."""
    if len(text) > 40 or not re.fullmatch(DURATION.strip("^$"), text):
        raise ValueError(
            f"{text[:40]!r} is no duration; write a number with a unit (ms, s, m, h, d, w), as in 1h30m"
        )
    total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if not 0 < total <= LONGEST:
        raise ValueError(f"{text!r} is out of range; a duration is above zero and at most 366d")
    return float(total)


def spoken(duration: float) -> str:
    """Seconds in words, two units at most: `1 hour 30 minutes`."""
    parts: list[str] = []
    rest = duration
    for unit, size in _SECONDS.items():
        count = int(rest / size + 1e-9)
        if count and len(parts) < 2:
            parts.append(f"{count} {_WORDS[unit]}{'s' if count > 1 else ''}")
            rest -= count * size
    return " ".join(parts) or "no time"


def size(text: str) -> int:
    """`512B`, `64KB`, `256KiB`, `1MiB` in bytes; ValueError for anything else or zero."""
    found = re.fullmatch(r"([0-9]{1,12})(B|KB|KiB|MB|MiB)", text)
    if found is None or not int(found[1]):
        raise ValueError(
            f"{text[:40]!r} is no size; write a number above zero with B, KB, KiB, MB or MiB, as in 256KiB"
        )
    return int(found[1]) * _BYTES[found[2]]


def money(text: str) -> str:
    """`5.00 USD` as it is; ValueError unless it is a positive decimal and a currency code. Never a float."""
    if not re.fullmatch(MONEY.strip("^$"), text) or not Decimal(text[:-4]):
        raise ValueError(
            f"{text[:40]!r} is no amount; write one above zero with its currency, as in 5.00 USD"
        )
    return text
