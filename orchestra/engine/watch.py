"""Every beat: what does the database say of the runs this worker holds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from orchestra.engine import claim
from orchestra.engine.connections import now
from orchestra.engine.flight import Flight
from orchestra.models import Run

HELD = "SELECT id, fence, wake FROM orchestra_run WHERE worker_id = %s AND state = 'running'"

# In the order of ids, like every other lock on runs; only once a third of the lease is used up.
EXTEND = """
UPDATE orchestra_run SET lease_until = clock_timestamp() + %(lease)s * interval '1 second' WHERE id IN (
  SELECT id FROM orchestra_run WHERE worker_id = %(worker)s AND state = 'running'
    AND lease_until < clock_timestamp() + %(lease)s * interval '0.67 second'
  ORDER BY id FOR NO KEY UPDATE)
"""


@dataclass(slots=True)
class Seen:
    """Flights that another worker took, that were woken, and runs that are ours without our knowing."""

    lost: list[Flight] = field(default_factory=list)
    woken: list[Flight] = field(default_factory=list)
    adopted: list[Flight] = field(default_factory=list)


def look(worker_id: int, flights: Mapping[int, Flight]) -> Seen:
    """Extend the leases and compare memory with the database. Inside the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(EXTEND, {"lease": settings.LEASE, "worker": worker_id})
        cursor.execute(HELD, [worker_id])
        held = {run_id: (fence, wake) for run_id, fence, wake in cursor.fetchall()}
    seen = Seen()
    for flight in flights.values():
        fence, wake = held.get(flight.run.pk, (None, None))
        if fence != flight.run.fence:
            seen.lost.append(flight)
        elif wake != flight.seen:
            seen.woken.append(flight)
    seen.adopted = _adopt([run_id for run_id in held if run_id not in flights])
    return seen


def _adopt(run_ids: Sequence[int]) -> list[Flight]:
    """A claim whose commit was not answered is ours all the same."""
    if not run_ids:
        return []
    moment = now()
    runs = Run.objects.select_related("deployment__environment").filter(pk__in=run_ids)
    flights = [Flight(run=run, spec=claim.spec_of(run.version_id), now=moment, seen=-1) for run in runs]
    claim.load(flights)
    return flights
