"""Kill switches: set and lift. While one is on, nothing in its scope is claimed, begun or sent.

Setting waits for gates that are passing at this moment, and none passes after it has committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import BooleanField, Exists, F, Func, Q, QuerySet, Value
from django.db.models.functions import Greatest, Least, Now

from orchestra import logs, moves
from orchestra.engine import dispatch, words
from orchestra.engine.claim import HALTED, IS_UNDER
from orchestra.engine.connections import borrow
from orchestra.errors import NotFound, StaleState
from orchestra.models import Deployment, Halt, Person, Run
from orchestra.models.halts import Scope

#: Taken shared by every gate transaction, exclusive by `set_on`.
LATCH = (7_011, 0)


def share_latch() -> None:
    """Held by a gate until its transaction ends: no halt can commit in between."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", LATCH)


def set_on(
    scope: Scope, *, by: Person, reason: str, deployment: Deployment | None = None, run: Run | None = None
) -> Halt:
    """Stop everything in the scope. Raises Invalid without a reason, StaleState when it is on already."""
    reason = words.reason(reason, needed="A halt needs a reason that people will understand later.")
    halt = Halt(scope=scope, deployment=deployment, run=run, state="on", reason=reason, set_by=by)
    try:
        with borrow():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LATCH)
            moves.bear(halt, actor=f"person:{by.name}", reason=reason)
    except IntegrityError:
        raise StaleState("This halt is on already.") from None
    logs.event("halt.set", scope=scope, by=by.name)
    return halt


def lift(*, uid: UUID, by: Person, reason: str) -> Halt:
    """Let go again; deadlines get back the time they lost. Raises NotFound, StaleState."""
    reason = words.reason(reason, needed="Say why it may go on: it is kept in the record.")
    with borrow():
        halt = Halt.objects.select_for_update().filter(uid=uid).first()
        if halt is None:
            raise NotFound(f"There is no halt {uid}.")
        if halt.state != "on":
            raise StaleState("This halt was lifted already.")
        moves.move(halt, "lifted", actor=f"person:{by.name}", reason=reason, lifted_by=by, lifted_at=Now())
        _give_time_back(halt)
        dispatch.announce(
            list(_runs(halt).filter(state__in=["queued", "waiting"]).values_list("pk", flat=True)[:1])
        )
    logs.event("halt.lifted", scope=halt.scope, by=by.name)
    return halt


def covers(run_id: int) -> bool:
    """Whether a halt that is on covers the run."""
    return Run.objects.filter(Exists(HALTED), pk=run_id).exists()


def covered(runs: Iterable[int]) -> set[int]:
    """Those of these runs (by id) that a halt that is on covers."""
    return set(Run.objects.filter(Exists(HALTED), pk__in=list(runs)).values_list("pk", flat=True))


def covering(run: Run) -> QuerySet[Halt]:
    """The halts that are on and cover the run: of everything, its deployment, itself or a run above it."""
    above = Func(Value(run.parent_run_id), F("run_id"), function=IS_UNDER, output_field=BooleanField())
    whose = (
        Q(scope="global") | Q(deployment=run.deployment_id) | Q(run=run.pk) | Q(run__isnull=False) & Q(above)
    )
    return Halt.objects.filter(whose, state="on")


def under_way(halt: Halt) -> QuerySet[Run]:
    """Runs in the scope that a worker still holds: what was in flight when it was set."""
    return _runs(halt).filter(state="running")


def in_scope(*, deployment: Deployment | None = None, run: Run | None = None) -> QuerySet[Run]:
    """Runs that have not ended: all, those of a deployment, or a run with those that it has started."""
    live = Run.objects.filter(finished_at__isnull=True)
    if deployment is not None:
        return live.filter(deployment=deployment)
    if run is None:
        return live
    under = Func(F("parent_run_id"), Value(run.pk), function=IS_UNDER, output_field=BooleanField())
    return live.filter(Q(pk=run.pk) | Q(under), task=run.task_id)


def _runs(halt: Halt) -> QuerySet[Run]:
    return in_scope(deployment=halt.deployment, run=halt.run)


# The pause of a run: since the halt, or since an earlier one that overlapped with it (LEAST passes over null).
LATER = """
UPDATE {table} t SET {column} = t.{column} + (clock_timestamp() - least(r.halted_since, greatest(r.created_at, %s)))
FROM orchestra_run r WHERE {join} AND r.id = ANY(%s) AND t.{column} IS NOT NULL {open}
"""
_OF_CALLS = """t.toolcall_id IN (SELECT c.id FROM orchestra_toolcall c
  WHERE c.run_id = r.id AND c.finished_at IS NULL)"""
POSTPONED = (
    ("orchestra_step", "deadline_at", "t.run_id = r.id", "AND t.finished_at IS NULL"),
    ("orchestra_humantask", "expires_at", "t.run_id = r.id", "AND t.state = 'open'"),
    ("orchestra_proposal", "expires_at", _OF_CALLS, "AND t.state = 'pending'"),
    ("orchestra_proposal", "effective_at", _OF_CALLS, "AND t.state = 'pending'"),
    ("orchestra_run", "deadline_at", "t.id = r.id", ""),
)


def _give_time_back(halt: Halt) -> None:
    """Runs that another halt still covers remember since when; the deadlines of the others are moved on."""
    held = Run.objects.filter(pk__in=_lock(_runs(halt)))
    since = Least("halted_since", Greatest(F("created_at"), halt.created_at))
    held.filter(Exists(HALTED)).update(halted_since=since)
    ids = list(held.filter(~Exists(HALTED)).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for table, column, join, still_open in POSTPONED:
            cursor.execute(
                LATER.format(table=table, column=column, join=join, open=still_open), [halt.created_at, ids]
            )
    Run.objects.filter(pk__in=ids, halted_since__isnull=False).update(halted_since=None)


def _lock(runs: QuerySet[Run]) -> list[int]:
    return list(runs.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
