"""Who may do what in the private PostgreSQL server, before any migration grants more."""

from __future__ import annotations

from pathlib import Path

import psutil
import psycopg
import pytest

from orchestra.local.embedded import Services
from orchestra.local.postgres import ADMIN, APP, OWNER, Postgres


@pytest.fixture(scope="module")
def server(services: Services) -> Postgres:
    """That of the session: to be asked, not stopped."""
    assert services.postgres
    return services.postgres


def test_app_role_makes_nothing(server: Postgres) -> None:
    with psycopg.connect(server.url(APP), autocommit=True) as app:
        for refused in (
            "CREATE TABLE t ()",
            "CREATE SCHEMA s",
            "CREATE TEMP TABLE t ()",
            "CREATE DATABASE d",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(refused)


def test_app_role_owns_nothing_and_neither_role_is_special(server: Postgres) -> None:
    with psycopg.connect(server.url(APP)) as app:
        special = app.execute(
            "SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)"
            " AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)",
            [APP, OWNER],
        ).fetchall()
        owned = app.execute(
            "SELECT count(*) FROM pg_shdepend WHERE refobjid = %s::regrole AND deptype = 'o'", [APP]
        ).fetchone()
        assert special == []
        assert owned == (0,)


def test_owner_owns_the_database_and_makes_tables(server: Postgres) -> None:
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("CREATE TABLE made_by_owner ()")
        found = owner.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orchestra'")
        assert found.fetchone() == (OWNER,)
        owner.rollback()


def test_strangers_may_not_connect(server: Postgres) -> None:
    ours = f"{APP}:{server.passwords[APP]}"
    with server.admin() as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(server.url(APP).replace(ours, "stranger:stranger"))
        finally:
            admin.execute("DROP ROLE stranger")


@pytest.mark.parametrize("role", [ADMIN, OWNER, APP])
@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_enters_without_the_password(server: Postgres, role: str, password: str) -> None:
    for host in ("127.0.0.1", str(server.socket)):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=host, port=server.port, user=role, password=password, dbname="orchestra", passfile="none"
            )


def test_passwords_are_private_and_in_no_command_line(server: Postgres) -> None:
    assert server.running.command.log
    file = server.running.command.log.with_name("passwords.json")
    line = " ".join(psutil.Process(server.running.pid).cmdline())
    assert file.stat().st_mode & 0o077 == 0
    assert not [password for password in server.passwords.values() if password in line]
    assert not [
        password
        for password in server.passwords.values()
        if password in Path(file.parent, "server.log").read_text()
    ]


def test_data_has_checksums_and_sorts_by_code_point(server: Postgres) -> None:
    with psycopg.connect(server.url(APP)) as app:
        assert app.execute("SHOW data_checksums").fetchone() == ("on",)
        assert app.execute("SELECT 'Z' < 'a', upper('é')").fetchone() == (True, "É")


def test_clone_has_the_same_rights(server: Postgres) -> None:
    server.create_database("a_clone", template="orchestra")
    try:
        with psycopg.connect(server.url(APP, "a_clone"), autocommit=True) as app:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("CREATE TABLE t ()")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("CREATE TEMP TABLE t ()")
        with psycopg.connect(server.url(OWNER, "a_clone")) as owner:
            owner.execute("CREATE TABLE t ()")
    finally:
        server.drop_database("a_clone")
