"""A change of state counts only with its own event: this row, this move, this transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from orchestra.local.postgres import APP
from tests import factories
from tests.database.session import Session
from tests.databases import Database

LEASELESS = {"finished_at": factories.now()}


@pytest.fixture
def session(shared: Database) -> Iterator[Session]:
    """A session of the app's role."""
    with shared.connect(autocommit=False) as connection:
        yield Session(connection)


def commit(session: Session) -> None:
    """End the transaction: the deferred guards speak."""
    session.connection.commit()


def cancel(session: Session, run: Any) -> None:
    """The run is cancelled, without an event."""
    session.move(run, "cancelled", LEASELESS, event=False)


def test_a_move_with_its_event_is_committed(session: Session) -> None:
    run = factories.run()
    cancel(session, run)
    session.event(run, "queued", "cancelled")
    commit(session)
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_move_without_an_event_is_refused_at_commit(session: Session) -> None:
    run = factories.run()
    cancel(session, run)
    with pytest.raises(
        psycopg.errors.IntegrityConstraintViolation, match="became cancelled without an audit event"
    ):
        commit(session)
    run.refresh_from_db()
    assert run.state == "queued"


@pytest.mark.parametrize(
    "instead",
    [
        {"object_id": 1_000_000},
        {"kind": "step"},
        {"target": "failed"},
        {"source": "running"},
    ],
    ids=lambda instead: next(iter(instead)),
)
def test_an_event_of_something_else_does_not_count(session: Session, instead: dict[str, Any]) -> None:
    run = factories.run()
    cancel(session, run)
    session.event(run, **{"source": "queued", "target": "cancelled", **instead})
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="without an audit event"):
        commit(session)


def test_an_event_of_another_row_does_not_count(session: Session) -> None:
    run, other = factories.run(), factories.run()
    cancel(session, run)
    session.event(other, "queued", "cancelled")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="without an audit event"):
        commit(session)


def test_an_event_of_an_earlier_transaction_does_not_count(session: Session) -> None:
    run = factories.run()
    session.event(run, "queued", "cancelled")
    commit(session)
    cancel(session, run)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="without an audit event"):
        commit(session)


def test_the_check_can_come_early_but_not_be_put_off(session: Session) -> None:
    run = factories.run()
    session.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="without an audit event"):
        cancel(session, run)


def test_a_table_of_ones_own_is_not_taken_for_the_record(shared: Database, session: Session) -> None:
    """Some servers let every role make temporary tables, and those are found first."""
    run = factories.run()
    with shared.connect("admin") as admin:
        admin.execute(
            sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(
                sql.Identifier(shared.name), sql.Identifier(APP)
            )
        )
    session.execute(
        "CREATE TEMPORARY TABLE orchestra_auditevent AS SELECT 'run'::text AS kind, %s::bigint AS object_id,"
        " 'queued'::text AS source, 'cancelled'::text AS target,"
        " pg_current_xact_id()::text::bigint AS transaction",
        run.pk,
    )
    cancel(session, run)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="without an audit event"):
        commit(session)


def test_a_text_that_would_be_cut_is_refused(session: Session) -> None:
    """Blanks at the end would be cut without a word, and the digest would not fit the stored row."""
    run = factories.run()
    with pytest.raises(psycopg.errors.StringDataRightTruncation, match="too long"):
        session.event(run, "queued", "cancelled", actor="system" + " " * 120)
