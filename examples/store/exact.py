"""JSON whose numbers are exact: fractions are read as decimals and written digit for digit; and digests of it.

Refuses NaN, numbers of absurd size, and what a database cannot hold.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any, NoReturn

CENT = Decimal("0.01")
LARGEST_EXPONENT = 40
DEEPEST = 20


class NotPlain(ValueError):
    """No JSON, or JSON that nobody sends in good faith; the text says what is wrong."""


def read(text: str | bytes) -> Any:
    """The value of a JSON text. NotPlain when it is none."""
    try:
        return json.loads(text, parse_float=_decimal, parse_constant=_refuse)
    except NotPlain:
        raise
    except (ValueError, RecursionError) as problem:
        raise NotPlain(f"this is no JSON: {problem}"[:200]) from None


def read_foreign(text: str | bytes) -> Any:
    """As `read`, for what a stranger sent: NotPlain also when it is nested deep or holds unstorable characters."""
    value = read(text)
    _check(value, DEEPEST)
    return value


def write(value: Any, *, ordered: bool = False) -> str:
    """The JSON text of a value; with `ordered` the keys are sorted, so that equal values give equal texts."""
    if isinstance(value, dict):
        items = sorted(value.items()) if ordered else value.items()
        return (
            "{" + ",".join(f"{write(str(key))}:{write(held, ordered=ordered)}" for key, held in items) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(write(held, ordered=ordered) for held in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def digest(value: Any) -> str:
    """SHA-256 of the ordered text, in hexadecimal."""
    return hashlib.sha256(write(value, ordered=True).encode()).hexdigest()


def cents(amount: Decimal | int) -> Decimal:
    """An amount of money rounded to cents."""
    return Decimal(amount).quantize(CENT)


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > LARGEST_EXPONENT:
        raise NotPlain(f"the number {text[:20]} is out of all proportion")
    return number


def _refuse(name: str) -> NoReturn:
    raise NotPlain(f"{name} is no JSON number")


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise NotPlain(f"nested deeper than {DEEPEST} levels")
    if isinstance(value, str) and any(mark == "\0" or "\ud800" <= mark <= "\udfff" for mark in value):
        raise NotPlain("a text holds a null character or half a character")
    if isinstance(value, dict):
        _check(list(value), depth)
        _check(list(value.values()), depth)
    elif isinstance(value, list):
        for held in value:
            _check(held, depth - 1)
