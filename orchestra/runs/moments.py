"""Times as people read them: the hour where the day is clear. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

#: Of what is nearer than this, the seconds are told.
NEAR: Final = timedelta(minutes=2)


def clock(at: datetime, now: datetime) -> str:
    """`14:20`, `14:20:05` when it is near, `2026-11-23 14:20` on another day; all UTC."""
    shape = "%H:%M:%S" if abs(at - now) < NEAR else "%H:%M"
    return f"{at:{shape if at.date() == now.date() else '%Y-%m-%d %H:%M'}} UTC"
