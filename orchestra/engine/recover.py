"""Takes runs back from workers that died: at once when their session is gone, else when the lease ends.

Every worker does this every moment; nothing here needs Redis. It re-announces and never executes.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.audit.append import Event, append
from orchestra.engine import dispatch
from orchestra.engine.connections import borrow
from orchestra.engine.session import LOCK_CLASS
from orchestra.models import Run, WorkerProcess

#: While PostgreSQL is away nobody can beat or extend a lease: after its start all have so many graces to come back.
GRACES_AFTER_START = 4

# A worker is dead when nobody holds its lock and it has not beaten for a moment (a live one reconnects meanwhile).
DEAD = """
SELECT id FROM (
  SELECT id FROM orchestra_workerprocess
  WHERE stopped_at IS NULL AND seen_at < clock_timestamp() - %(grace)s * interval '1 second'
    AND pg_postmaster_start_time() < clock_timestamp() - %(start)s * interval '1 second' OFFSET 0
) silent WHERE pg_try_advisory_xact_lock(%(lock)s, id::int)
"""
LOST = """
SELECT id FROM orchestra_run WHERE state = 'running'
  AND (worker_id = ANY(%(dead)s) OR lease_until < clock_timestamp()
    AND pg_postmaster_start_time() < clock_timestamp() - %(start)s * interval '1 second')
ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
"""


def sweep() -> list[int]:
    """Give back the runs of dead workers and ended leases; returns their ids."""
    with borrow():
        dead = _dead()
        with connection.cursor() as cursor:
            cursor.execute(LOST, {"dead": dead, "start": _start()})
            lost = [row[0] for row in cursor.fetchall()]
        runs = _take_back(lost)
        _bury(dead)
        dispatch.announce(lost)
    for run in runs:
        logs.event("run.taken_over", level=logs.WARNING, run=run.uid, takeovers=run.takeovers)
    return lost


def _dead() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(DEAD, {"grace": settings.SESSION_GRACE, "start": _start(), "lock": LOCK_CLASS})
        return [row[0] for row in cursor.fetchall()]


def _start() -> float:
    return GRACES_AFTER_START * settings.SESSION_GRACE


def _take_back(run_ids: Sequence[int]) -> list[Run]:
    runs = list(Run.objects.filter(pk__in=run_ids).order_by("pk"))
    append([_taken_back(run) for run in runs])
    return runs


def _taken_back(run: Run) -> Event:
    return moves.moved(
        run,
        "queued",
        actor="system",
        reason="its worker died or fell silent",
        data={"worker": run.worker_id, "fence": run.fence},
        fence=F("fence") + 1,
        wake=F("wake") + 1,
        takeovers=run.takeovers + 1,
        due_at=Now(),
        worker=None,
        lease_until=None,
    )


def _bury(worker_ids: Sequence[int]) -> None:
    """A dead worker is marked once none of its runs is left."""
    gone = WorkerProcess.objects.filter(pk__in=worker_ids).exclude(runs__state="running")
    gone.update(stopped_at=Now())
