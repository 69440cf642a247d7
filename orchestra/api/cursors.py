"""Where a page of a list ends, as a text that means nothing to whoever carries it back."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NoReturn

from orchestra.errors import Invalid

LONGEST = 400


def made(*place: str | int) -> str:
    """A cursor for a place: the keys of the last row of a page."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def number(cursor: str) -> int | None:
    """The place of a list in the order of one number; None at its beginning. Raises Invalid."""
    if not cursor:
        return None
    (place,) = _read(cursor, 1)
    return place if isinstance(place, int) and 0 <= place < 2**63 else _refuse()


def text(cursor: str) -> str:
    """The place of a list that keeps its own form of places; "" at its beginning. Raises Invalid."""
    if not cursor:
        return ""
    (place,) = _read(cursor, 1)
    return place if isinstance(place, str) else _refuse()


def _read(cursor: str, parts: int) -> list[object]:
    try:
        if len(cursor) > LONGEST:
            _refuse()
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        _refuse()
    return place if isinstance(place, list) and len(place) == parts else _refuse()


def _refuse() -> NoReturn:
    raise Invalid.at("/cursor", "This cursor was not made here. Begin again without one.") from None
