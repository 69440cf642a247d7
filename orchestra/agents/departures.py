"""Tells whether a live result departs from the recorded one: by outcome class, then by key fields.
Refuses to compare prose: texts, names and added fields may differ.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

#: Results begin like this when a call failed; our own gate and connectors write them the same way.
FAILED: Final = re.compile(r"\s*(Error\b|Unknown (action|tool)\b)")
#: Words under these keys decide; other words are prose.
WORDS: Final = frozenset({"status", "transaction_type", "cancel_reason"})
_KEY: Final = re.compile(r"(?=\S*\d)\S+")
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d+)?(e-?\d{1,2})?", re.IGNORECASE)
_CENT: Final = Decimal("0.01")
_MOST: Final = 5

#: Key fields: where each stands (list places left out) and what it is. Lists have no order.
Facts = Counter[tuple[str, str]]


def failed(result: str) -> bool:
    """Whether the text of a result says that the call failed."""
    return FAILED.match(result) is not None


def departures(recorded: str, live: str) -> list[str]:
    """How the live result departs, a clause each; empty when it does not in anything that matters.

    Key fields are numbers (to the cent, whether written as number or text), booleans, ids (one word with a
    digit in it) and the words of a status. One that the recording has and the live result lacks counts; one
    that was added does not.
    """
    if failed(recorded) != failed(live):
        return [f"{_outcome(recorded)} in the recording, {_outcome(live)} here"]
    if failed(recorded):
        return []
    before, now = _read(recorded), _read(live)
    if isinstance(now, dict) and len(now) == 1 and not isinstance(before, dict | list):
        (now,) = now.values()
    return _told(_facts(before), _facts(now))


def _outcome(result: str) -> str:
    return f"failed ({_cut(result)})" if failed(result) else "succeeded"


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text.strip()


def _facts(value: Any) -> Facts:
    # Some recorded backends repeat the id inside a customer record, others give it as the key alone.
    if isinstance(value, dict) and "payment_methods" in value:
        value = {key: below for key, below in value.items() if key != "user_id"}
    return Counter(_walk("", "", value))


def _walk(path: str, key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _walk(f"{path}.{name}" if path else name, name, below)
    elif isinstance(value, list):
        for below in value:
            yield from _walk(path, key, below)
    elif (fact := _fact(key, value)) is not None:
        yield path, fact


def _fact(key: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    # Some backends send a field without a value where others leave it out.
    text = "" if value is None else str(value)
    if _NUMBER.fullmatch(text):
        return _amount(text)
    return text if (text and key in WORDS) or _KEY.fullmatch(text) else None


def _amount(text: str) -> str:
    try:
        rounded = Decimal(text).quantize(_CENT)
    except InvalidOperation:
        return text
    return str(int(rounded)) if rounded == rounded.to_integral_value() else str(rounded)


def _told(before: Facts, now: Facts) -> list[str]:
    compared = {path for path, _ in before}
    lost, gained = (
        before - now,
        Counter({fact: n for fact, n in (now - before).items() if fact[0] in compared}),
    )
    told = [
        f"{path or 'it'} {_change(path, lost, gained)}"
        for path in sorted({path for path, _ in lost + gained})
    ]
    return told[:_MOST] + ([f"and {len(told) - _MOST} more"] if len(told) > _MOST else [])


def _change(path: str, lost: Facts, gained: Facts) -> str:
    return f"was {_values(path, lost)} in the recording, is {_values(path, gained)} here"


def _values(path: str, facts: Facts) -> str:
    values = sorted(value for (where, value), n in facts.items() if where == path for _ in range(n))
    return _cut(", ".join(values)) if values else "absent"


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
