"""`moves` changes a row and tells the record in one go, or does neither."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from orchestra import canonical, moves
from orchestra.errors import Bug, StaleState
from orchestra.models import AuditEvent, AuditHead, Run
from tests import factories
from tests.database.breaches import ONCE
from tests.database.session import Session
from tests.databases import Database


def test_a_move_is_recorded_with_actor_reason_and_numbers(shared: Database) -> None:
    run = factories.run()
    with transaction.atomic():
        moves.move(
            run,
            "cancelled",
            actor="person:ann",
            reason="not needed",
            data={"fence": 3},
            finished_at=factories.now(),
        )
    event = AuditEvent.objects.filter(chain=run.uid).latest("seq")
    assert (event.kind, event.object_id, event.subject) == ("run", run.pk, "run")
    assert (event.source, event.target) == ("queued", "cancelled")
    assert (event.actor, event.reason) == ("person:ann", "not needed")
    assert canonical.parse(bytes(event.data)) == {"fence": 3}
    assert AuditHead.objects.get(chain=run.uid).seq == event.seq == 2


def test_a_row_that_moved_since_is_left_alone(shared: Database) -> None:
    run = factories.run()
    seen = Run.objects.get(pk=run.pk)
    factories.walk(run, "running")
    with pytest.raises(StaleState, match="no longer queued"), transaction.atomic():
        moves.move(seen, "cancelled", actor="system", reason="late", finished_at=factories.now())
    assert AuditEvent.objects.filter(chain=run.uid).count() == 2


def test_a_lost_fence_is_a_stale_state(shared: Database) -> None:
    run = factories.run(state="running")
    with pytest.raises(StaleState), transaction.atomic():
        moves.move(run, "queued", actor="worker:1", reason="given back", only={"fence": run.fence - 1})


def test_an_illegal_move_never_reaches_the_database(shared: Database) -> None:
    run = factories.run()
    with pytest.raises(Bug, match="queued to succeeded is not a legal move"), transaction.atomic():
        moves.move(run, "succeeded", actor="system", reason="")


def test_a_move_outside_of_a_transaction_is_a_bug(shared: Database) -> None:
    run = factories.run()
    with pytest.raises(Bug, match="only inside a transaction"):
        moves.move(run, "cancelled", actor="system", reason="", finished_at=factories.now())


def test_of_two_at_once_one_wins(shared: Database) -> None:
    rows = [factories.run() for _ in range(40)]
    outcomes: list[list[bool]] = []
    barrier = threading.Barrier(2)

    def cancel_all() -> None:
        mine = [Run.objects.get(pk=row.pk) for row in rows]
        outcomes.append([cancelled(row, barrier) for row in mine])
        connection.close()

    both = [threading.Thread(target=cancel_all) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    first, second = outcomes
    assert [a != b for a, b in zip(first, second, strict=True)] == [True] * len(rows)
    chains = [row.uid for row in rows]
    assert AuditEvent.objects.filter(target="cancelled", chain__in=chains).count() == len(rows)


def cancelled(row: Run, barrier: threading.Barrier) -> bool:
    """Whether this one cancelled it."""
    barrier.wait(30)
    try:
        with transaction.atomic():
            moves.move(row, "cancelled", actor="system", reason="a race", finished_at=factories.now())
    except StaleState:
        return False
    return True


OTHER = {
    "int": "{column} + 1",
    "tim": "{column} + interval '1 day'",
    "jso": "'\"other\"'::jsonb",
    "byt": "'other'::bytea",
    "uui": "gen_random_uuid()",
    "cha": "'other'",
    "tex": "'other'",
    "big": "{column} + 1",
    "sma": "{column} + 1",
}


@pytest.mark.parametrize("name", ONCE)
def test_no_column_that_is_written_once_takes_another_value(shared: Database, name: str) -> None:
    row: Any = ONCE[name][0]()
    with shared.connect("admin") as connection:
        [[definition]] = connection.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s", [f"{name}_once"]
        ).fetchall()
        kinds: dict[str, str] = dict(
            connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s",
                [row._meta.db_table],
            ).fetchall()
        )
    columns = [column for column in kinds if f"old.{column} IS NOT NULL" in definition]
    assert len(columns) > 3
    for column in columns:
        refused(shared, row, column, OTHER[kinds[column][:3]])


def refused(database: Database, row: Any, column: str, other: str) -> None:
    """The column keeps its value, if it has one."""
    with database.connect("owner") as connection:
        session = Session(connection)
        statement = f"UPDATE {{table}} SET {{column}} = {other} WHERE id = %s AND {{column}} IS NOT NULL"
        try:
            changed = session.execute(statement, row.pk, table=row._meta.db_table, column=column).rowcount
        except psycopg.errors.IntegrityConstraintViolation as refusal:
            changed = str(refusal).count("is written once") - 1
        assert changed == 0, column
