"""Every beat: what does the database say of the runs this worker holds?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from orchestra.engine import claim
from orchestra.engine.connections import now
from orchestra.engine.flight import Flight
from orchestra.models import Run

HELD = """
SELECT r.id, r.fence, r.wake, EXISTS (SELECT 1 FROM orchestra_halt h WHERE h.state = 'on'
  AND (h.scope = 'global' OR h.deployment_id = r.deployment_id OR h.run_id = r.id
  OR h.run_id IS NOT NULL AND orchestra_run_is_under(r.parent_run_id, h.run_id)))
FROM orchestra_run r WHERE r.worker_id = %s AND r.state = 'running'
"""

# In the order of ids, like every other lock on runs; only once a third of the lease is used up.
EXTEND = """
UPDATE orchestra_run SET lease_until = clock_timestamp() + %(lease)s * interval '1 second' WHERE id IN (
  SELECT id FROM orchestra_run WHERE worker_id = %(worker)s AND state = 'running' AND NOT id = ANY(%(dropped)s)
    AND lease_until < clock_timestamp() + %(lease)s * interval '0.67 second'
  ORDER BY id FOR NO KEY UPDATE)
"""


@dataclass(slots=True)
class Seen:
    """Flights that another worker took, that were woken, and runs that are ours without our knowing."""

    lost: list[Flight] = field(default_factory=list)
    woken: list[Flight] = field(default_factory=list)
    adopted: list[Flight] = field(default_factory=list)


def look(worker_id: int, flights: Mapping[int, Flight], dropped: Mapping[int, int]) -> Seen:
    """Extend the leases and compare memory with the database. Inside the caller's transaction.

    `dropped` are runs (with fences) that could not be written: their leases end, and others take them.
    """
    with connection.cursor() as cursor:
        cursor.execute(EXTEND, {"lease": settings.LEASE, "worker": worker_id, "dropped": list(dropped)})
        cursor.execute(HELD, [worker_id])
        held = {run_id: tuple(row) for run_id, *row in cursor.fetchall()}
    seen = Seen()
    for flight in flights.values():
        fence, wake, halted = held.get(flight.run.pk, (None, None, flight.halted))
        if fence != flight.run.fence:
            seen.lost.append(flight)
        elif wake != flight.seen or halted != flight.halted:
            seen.woken.append(flight)
            flight.halted = bool(halted)
    unknown = {run_id: row[0] for run_id, row in held.items() if run_id not in flights}
    seen.adopted = _adopt(worker_id, {pk: fence for pk, fence in unknown.items() if dropped.get(pk) != fence})
    return seen


def _adopt(worker_id: int, fences: Mapping[int, int]) -> list[Flight]:
    """A claim whose commit was not answered is ours all the same, under the fence that it was given."""
    if not fences:
        return []
    moment = now()
    rows = Run.objects.select_related("deployment__environment").filter(worker_id=worker_id, state="running")
    runs = [run for run in rows.filter(pk__in=fences) if run.fence == fences[run.pk]]
    flights = [claim.flight_of(run, moment, seen=-1) for run in runs]
    claim.load(flights)
    return flights
