"""Two workers that claim at the same moment: each due run goes to one of them, and its fence rises by one."""

from __future__ import annotations

from functools import partial

from django.db import connection

from orchestra.engine.connections import borrow
from orchestra.models import Run
from tests import factories
from tests.databases import Database
from tests.races import runs
from tests.races.pairs import pair

ROUNDS = 400
BATCH = 3


def test_run_is_claimed_by_one_of_two_workers_and_its_fence_rises_by_one(database: Database) -> None:
    """400 rounds: both want the same runs, at the same moment."""
    due = [run.pk for run in runs.many(runs.begin(), ROUNDS * BATCH)]
    one, other = factories.worker().pk, factories.worker().pk
    owners: dict[int, int] = {}
    with pair() as both:
        for start in range(0, len(due), BATCH):
            named = due[start : start + BATCH]
            first, second = both.at_once(partial(taken, one, named), partial(taken, other, named))
            assert sorted(first + second) == named
            owners |= dict.fromkeys(first, one) | dict.fromkeys(second, other)
    rows = Run.objects.filter(pk__in=due).values_list("pk", "worker_id", "fence", "state")
    assert sorted(rows) == [(pk, owners[pk], 1, "running") for pk in due]


def test_claim_does_not_wait_for_a_run_that_another_looks_at(database: Database) -> None:
    operator = runs.begin()
    looked_at, free = runs.submit(operator), runs.submit(operator)
    with database.connect(autocommit=False) as other:
        other.execute("SELECT 1 FROM orchestra_run WHERE id = %s FOR NO KEY UPDATE", [looked_at.pk])
        with borrow():
            database_waits_no_longer_than("10s")
            assert [flight.run.pk for flight in runs.take(factories.worker().pk, 10)] == [free.pk]


def taken(worker: int, named: list[int]) -> list[int]:
    """The ids of what a worker got."""
    return [flight.run.pk for flight in runs.take(worker, BATCH, only=named)]


def database_waits_no_longer_than(time: str) -> None:
    """For a lock, in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [time])
