"""/healthz says that the process is up; /readyz says what is missing and what to do about it."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connections
from django.test import Client

from orchestra.local.postgres import APP, OWNER, Postgres
from orchestra.local.valkey import Valkey
from orchestra.metrics import readiness
from tests import factories
from tests.databases import Database

local = Client(headers={"host": "localhost"}, raise_request_exception=False)


def ready() -> tuple[int, dict[str, dict[str, Any]]]:
    """Status and checks by name."""
    readiness.recent.forget()
    answer = local.get("/readyz")
    body = json.loads(answer.content)
    assert body["ready"] is (answer.status_code == 200)
    return answer.status_code, {check["name"]: check for check in body["checks"]}


def test_a_complete_system_is_ready(database: Database) -> None:
    factories.worker()
    status, checks = ready()
    assert status == 200
    assert list(checks) == ["database", "migrations", "role", "workers", "stuck_runs", "redis"]
    assert {check["level"] for check in checks.values()} == {"ok"}
    assert {check["ok"] for check in checks.values()} == {True}
    assert {check["remedy"] for check in checks.values()} == {""}


def test_without_a_database_it_is_up_but_not_ready(database: Database, postgres: Postgres) -> None:
    postgres.stop()
    assert local.get("/healthz").status_code == 200
    status, checks = ready()
    assert status == 503
    assert checks["database"]["level"] == "failure"
    assert "DATABASE_URL" in checks["database"]["remedy"]
    assert list(checks) == ["database", "redis"]


def test_a_refused_sign_in_tells_no_secret(database: Database) -> None:
    default = connections["default"]
    password = default.settings_dict["PASSWORD"]
    default.settings_dict["PASSWORD"] = "not-the-password"
    try:
        status, checks = ready()
    finally:
        default.settings_dict["PASSWORD"] = password
    assert status == 503
    said = json.dumps(checks)
    for secret in ("not-the-password", password, quote(password), default.settings_dict["USER"], "127.0.0.1"):
        assert secret not in said


def test_a_missing_migration_is_named(database: Database) -> None:
    database.connect("owner").execute("DELETE FROM django_migrations WHERE name = '0004_groups_are_seeded'")
    status, checks = ready()
    assert status == 503
    assert checks["migrations"]["detail"] == "Not applied: orchestra.0004_groups_are_seeded."
    assert "manage.py migrate" in checks["migrations"]["remedy"]


def test_an_empty_database_is_not_ready(database: Database) -> None:
    database.connect("owner").execute("DROP OWNED BY CURRENT_USER")
    status, checks = ready()
    assert status == 503
    assert checks["migrations"]["level"] == "failure"


def test_an_app_role_that_owns_the_tables_is_warned_about(database: Database) -> None:
    admin = database.connect("admin")
    admin.execute(f"GRANT {OWNER} TO {APP}".encode())
    try:
        status, checks = ready()
    finally:
        admin.execute(f"REVOKE {OWNER} FROM {APP}".encode())
    assert status == 200
    assert checks["role"]["level"] == "warning"
    assert "DATABASE_OWNER_URL" in checks["role"]["remedy"]


def test_without_redis_it_is_ready_with_a_warning(database: Database, valkey: Valkey) -> None:
    valkey.stop()
    status, checks = ready()
    assert status == 200
    assert checks["redis"]["level"] == "warning"
    assert "polling" in checks["redis"]["detail"]


@pytest.mark.parametrize(
    "rows",
    [[], [{"seen_at": factories.now(-3600)}], [{"stopped_at": factories.now()}]],
    ids=["none", "silent", "stopped"],
)
def test_without_a_live_worker_it_is_ready_with_a_warning(
    database: Database, rows: list[dict[str, Any]]
) -> None:
    for row in rows:
        factories.worker(**row)
    status, checks = ready()
    assert status == 200
    assert checks["workers"]["level"] == "warning"
    assert "manage.py work" in checks["workers"]["remedy"]


def test_a_stuck_run_is_counted(database: Database) -> None:
    factories.run(due_at=factories.now(-120))
    status, checks = ready()
    assert status == 200
    assert checks["stuck_runs"]["level"] == "warning"
    assert checks["stuck_runs"]["detail"].startswith("1 runs")


def test_a_flood_of_questions_costs_one_look() -> None:
    looks: list[int] = []

    def look() -> readiness.Report:
        looks.append(1)
        return readiness.Report(checks=())

    recent = readiness.Recent(look)
    threads = [threading.Thread(target=recent.get) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looks) == 1


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_machines_addresses_only_answer_reads(database: Database, address: str) -> None:
    assert local.head(address).status_code == 200
    for method in (local.post, local.put, local.patch, local.delete):
        assert method(address).status_code == 405
