"""The app's role writes history through one door only, and can switch nothing off."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from orchestra.local.postgres import APP
from orchestra.models import AuditEvent
from tests import factories
from tests.databases import Database

HISTORY: dict[LiteralString, LiteralString] = {
    "auditevent": "reason",
    "audithead": "seq",
    "auditseal": "origin",
    "turn": "message",
    "ruling": "verdict",
    "approval": "verdict",
    "edit": "arguments",
    "epoch": "reason",
    "workflowversion": "spec",
    "policyversion": "document",
    "agentversion": "prompt",
    "toolversion": "declaration",
}
LASTING = ["task", "run", "step", "toolcall", "dispatch", "proposal", "humantask", "halt"]
FORBIDDEN: list[LiteralString] = [
    "INSERT INTO orchestra_auditevent (chain) VALUES (gen_random_uuid())",
    "INSERT INTO orchestra_audithead SELECT gen_random_uuid(), 1, digest FROM orchestra_audithead",
    "SELECT setval('orchestra_auditevent_id_seq', 1)",
    "SELECT nextval('orchestra_auditevent_id_seq')",
    "ALTER TABLE orchestra_auditevent DISABLE TRIGGER ALL",
    "ALTER TABLE orchestra_run DISABLE TRIGGER run_move",
    "DROP TRIGGER run_move ON orchestra_run",
    "DROP TABLE orchestra_auditevent",
    "ALTER TABLE orchestra_auditevent ALTER COLUMN id DROP IDENTITY",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION orchestra_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE FUNCTION orchestra_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE mine (i int)",
    "CREATE TEMPORARY TABLE mine (i int)",
    "SET ROLE orchestra_owner",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_app_role_is_not_allowed(shared: Database, statement: LiteralString) -> None:
    refused(shared, statement)


@pytest.mark.parametrize(("table", "column"), HISTORY.items())
def test_the_app_role_cannot_change_history(
    shared: Database, table: LiteralString, column: LiteralString
) -> None:
    refused(shared, "UPDATE orchestra_" + table + " SET " + column + " = " + column)
    refused(shared, "DELETE FROM orchestra_" + table)
    refused(shared, "TRUNCATE orchestra_" + table + " CASCADE")


@pytest.mark.parametrize("table", LASTING)
def test_the_app_role_cannot_delete_what_happened(shared: Database, table: LiteralString) -> None:
    refused(shared, "DELETE FROM orchestra_" + table)
    refused(shared, "TRUNCATE orchestra_" + table + " CASCADE")


def test_the_app_role_owns_nothing(shared: Database) -> None:
    with shared.connect("admin") as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relowner = %s::regrole UNION ALL"
            " SELECT proname FROM pg_proc WHERE proowner = %s::regrole",
            [APP, APP],
        )
        assert found.fetchall() == []


def test_nobody_chooses_the_id_of_an_event(shared: Database) -> None:
    factories.run()
    with (
        shared.connect("owner") as connection,
        pytest.raises(psycopg.errors.GeneratedAlways, match="cannot insert a non-DEFAULT value"),
    ):
        connection.execute("INSERT INTO orchestra_auditevent SELECT * FROM orchestra_auditevent")


def test_a_superuser_in_replica_mode_meets_the_guards_too(shared: Database) -> None:
    factories.run()
    with shared.connect("admin") as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed"):
            connection.execute("UPDATE orchestra_auditevent SET reason = ''")


def test_the_app_role_appends_through_the_function(shared: Database) -> None:
    run = factories.run()
    assert AuditEvent.objects.get(chain=run.uid).target == "queued"


def refused(database: Database, statement: LiteralString) -> None:
    """The app's role lacks the right."""
    with database.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
