"""/metrics tells Prometheus how the system stands, to this machine or to who knows the token."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from prometheus_client.parser import text_string_to_metric_families

from orchestra.local.postgres import Postgres
from orchestra.local.valkey import Valkey
from orchestra.models import AuditEvent, OutboxMessage
from tests import factories
from tests.databases import Database
from tests.waiting import until

ELSEWHERE = "192.0.2.7"
local = Client(headers={"host": "localhost"}, raise_request_exception=False)


def scraped() -> dict[str, float]:
    """Every sample of a scrape, by name and label value."""
    answer = local.get("/metrics")
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def status(*, address: str = "127.0.0.1", **headers: str) -> int:
    """The status for a client at that address with those headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return local.get("/metrics", headers=names, REMOTE_ADDR=address).status_code


def test_an_idle_system_shows_every_figure_as_zero(database: Database) -> None:
    found = scraped()
    for name in ("queued", "running", "waiting", "escalated", "succeeded", "failed", "cancelled"):
        assert found[f"orchestra_runs {name}"] == 0
    assert found["orchestra_run_due_lag_seconds"] == 0
    assert found["orchestra_database_up"] == 1
    assert found["orchestra_redis_up"] == 1
    assert found["orchestra_rq_queue_length"] == 0
    assert found["orchestra_database_size_bytes"] > 1_000_000
    assert "orchestra_hint_share" not in found
    assert not any(name.startswith("orchestra_scrape_errors") for name in found)


def test_figures_follow_the_rows(database: Database) -> None:
    run = factories.run(due_at=factories.now(-30))
    factories.run(run.task, due_at=factories.now(3600))
    factories.run(run.task, state="failed")
    factories.step(run, state="running")
    done = factories.step(run, state="succeeded")
    factories.proposal(factories.toolcall(done), tier=3)
    factories.worker(claims_by_hint=30, claims_by_poll=10, fences_lost=2, hints_lost=3)
    factories.worker(seen_at=factories.now(-3600), claims_by_poll=20)
    factories.halt()
    factories.humantask(run)
    OutboxMessage.objects.create(topic="run.finished", payload={}, due_at=factories.now(-1))
    found = scraped()
    assert found["orchestra_runs queued"] == 2
    assert 30 <= found["orchestra_run_due_lag_seconds"] < 600
    assert found["orchestra_runs failed"] == 1
    assert found["orchestra_steps running"] == 1
    assert "orchestra_steps succeeded" not in found
    assert found["orchestra_human_tasks_open form"] == 1
    assert found["orchestra_proposals_pending 3"] == 1
    assert found["orchestra_proposals_pending 4"] == 0
    assert found["orchestra_worker_processes"] == 2  # one more held the run that failed
    assert found["orchestra_claims_total hint"] == 30
    assert found["orchestra_claims_total poll"] == 30
    assert found["orchestra_hint_share"] == 0.5
    assert found["orchestra_fences_lost_total"] == 2
    assert found["orchestra_hints_lost_total"] == 3
    assert found["orchestra_halts_on global"] == 1
    assert found["orchestra_outbox_due"] == 1
    assert found["orchestra_audit_unsealed"] == AuditEvent.objects.count() > 5
    assert found["orchestra_runs_stuck"] == 0


def test_without_redis_the_rest_is_still_told(database: Database, valkey: Valkey) -> None:
    valkey.stop()
    found = scraped()
    assert found["orchestra_redis_up"] == 0
    assert "orchestra_rq_queue_length" not in found
    assert found["orchestra_runs queued"] == 0


def test_without_a_database_that_is_what_it_tells(database: Database, postgres: Postgres) -> None:
    postgres.stop()
    found = scraped()
    assert found["orchestra_database_up"] == 0
    assert "orchestra_runs queued" not in found


def test_a_reading_that_fails_is_named_and_costs_no_other(database: Database) -> None:
    database.connect("owner").execute("DROP TABLE orchestra_outboxmessage CASCADE")
    found = scraped()
    assert found["orchestra_scrape_errors orchestra_outbox_due"] == 1
    assert "orchestra_outbox_due" not in found
    assert found["orchestra_audit_unsealed"] == 0


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_scrape_leaves_no_session_behind(database: Database) -> None:
    admin = database.connect("admin")
    others = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    scraped()
    until(lambda: admin.execute(others).fetchone() == (0,), what="the end of every other session")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_no_token(database: Database, address: str) -> None:
    assert status(address=address) == 200


@override_settings(METRICS_TOKEN="the-token")
def test_elsewhere_the_token_opens_it(database: Database) -> None:
    assert status(address=ELSEWHERE, authorization="Bearer the-token") == 200
    assert status(address=ELSEWHERE, authorization="bearer the-token") == 200


@override_settings(METRICS_TOKEN="the-token")
@pytest.mark.parametrize(
    "given", ["", "the-token", "Bearer", "Bearer ", "Bearer the-tokeN", "Basic the-token", "Bearer ü"]
)
def test_elsewhere_it_does_not_exist_without_the_token(given: str) -> None:
    assert status(address=ELSEWHERE, authorization=given) == 404


@override_settings(METRICS_TOKEN="")
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer  "])
def test_without_a_configured_token_no_token_fits(given: str) -> None:
    assert status(address=ELSEWHERE, authorization=given) == 404


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:80", "unix:"])
def test_an_unreadable_address_is_not_this_machine(address: str) -> None:
    assert status(address=address) == 404


@override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
def test_behind_a_trusted_proxy_the_address_proves_nothing() -> None:
    assert status(address="127.0.0.1") == 404


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
def test_a_request_that_somebody_passed_on_is_not_from_this_machine(header: str) -> None:
    assert status(address="127.0.0.1", **{header: "203.0.113.5"}) == 404
