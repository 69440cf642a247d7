"""Begins a new life of the database after it was restored from a backup: what was decided before is asked about again.

Refuses to guess what happened since the backup: that is known to the other systems alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from orchestra import logs
from orchestra.engine import words
from orchestra.engine.connections import borrow
from orchestra.engine.halt import LATCH
from orchestra.models import Epoch, Person, ToolCall


@dataclass(frozen=True, slots=True)
class Begun:
    """The new epoch, and what it touches: calls that were let pass already, and calls whose sending was under way."""

    epoch: Epoch
    decided: int
    under_way: int


def begin(*, by: Person, reason: str) -> Begun:
    """From now on no call of an older epoch passes the gate, and no old key is sent. Raises Invalid without a reason."""
    reason = words.reason(reason, needed="Say which backup was restored, and why.")
    with borrow():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LATCH)
        epoch = Epoch.objects.create(reason=f"{by.name}: {reason}"[:200])
        decided = ToolCall.objects.filter(state__in=("approved", "failed_clean")).count()
        under_way = ToolCall.objects.filter(state__in=("dispatched", "unknown", "reconciling")).count()
    logs.event("epoch.begun", by=by.name)
    return Begun(epoch, decided, under_way)
