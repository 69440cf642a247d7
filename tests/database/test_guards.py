"""Each trigger prevents something that nothing else prevents, fires in every mode, and has its breach here."""

from __future__ import annotations

import re

import psycopg
import pytest

from orchestra.local.postgres import APP, OWNER
from tests.database.breaches import Breach, breaches
from tests.database.session import Session
from tests.databases import Database

BREACHES = list(breaches())
# A step may be born in any state: an unknown one is refused by the CHECK as well.
SAID_TWICE = {"step_birth"}


@pytest.mark.parametrize("breach", BREACHES, ids=str)
def test_the_guard_refuses_its_breach(shared: Database, breach: Breach) -> None:
    said = outcome(shared, breach, without=others(shared, breach))
    assert re.search(breach.says, said), said or "it passed"


@pytest.mark.parametrize("breach", BREACHES, ids=str)
def test_the_breach_passes_without_the_guard(shared: Database, breach: Breach) -> None:
    assert outcome(shared, breach, without=[*others(shared, breach), breach.trigger]) == ""


def test_every_guard_has_a_breach(shared: Database) -> None:
    assert set(triggers(shared)) == {breach.trigger for breach in BREACHES} | SAID_TWICE


def test_every_guard_fires_in_every_mode(shared: Database) -> None:
    assert {mode for _, _, mode in catalogue(shared)} == {"A"}


def outcome(database: Database, breach: Breach, *, without: list[str]) -> str:
    """What the database says to a breach when some triggers are gone; nothing when it passes. Undone at the end."""
    row = breach.prepare()
    columns = breach.columns(row)
    tables = triggers(database)
    with database.connect("admin", autocommit=False) as connection:
        session = Session(connection)
        for trigger in without:
            session.execute("DROP TRIGGER {trigger} ON {table}", trigger=trigger, table=tables[trigger])
        session.execute("SET LOCAL ROLE {role}", role={"app": APP, "owner": OWNER}[breach.role])
        try:
            breach.attempt(session, row, columns)
            session.settle()
        except psycopg.errors.IntegrityConstraintViolation as refusal:
            return str(refusal)
        finally:
            connection.rollback()
    return ""


def others(database: Database, breach: Breach) -> list[str]:
    """Triggers that say the same about this breach. TRUNCATE reaches other tables through foreign keys."""
    if breach.trigger.endswith("_full"):
        return [name for name in triggers(database) if name.endswith("_full") and name != breach.trigger]
    return [name for name in breach.aside if name != breach.trigger]


def triggers(database: Database) -> dict[str, str]:
    """Every guard and its table."""
    return {name: table for name, table, _ in catalogue(database)}


def catalogue(database: Database) -> list[tuple[str, str, str]]:
    """Name, table and mode of every guard."""
    with database.connect() as connection:
        return connection.execute(
            "SELECT tgname, tgrelid::regclass::text, tgenabled FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'orchestra%'"
        ).fetchall()
