"""While steps are at work the worker is in no transaction: work may take long, and others need the database."""

from __future__ import annotations

import time

import psycopg

from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until

NEVER = {"POLL_SLOW": 600, "POLL_FAST": 600, "HEARTBEAT": 600, "SWEEP": 600}
SESSIONS = """
SELECT pid, application_name, state, xact_start FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
GATES = "a: {kind: each, items: [k1, k2, k3, k4, k5], step: {kind: python, function: t.gate, with: {key: '{{ item }}'}}}"


def busy(look: psycopg.Connection) -> list[tuple[object, ...]]:
    """Sessions of others that do something, or have a transaction open."""
    return [row for row in look.execute(SESSIONS).fetchall() if row[3] is not None or row[2] != "idle"]


def test_no_session_is_in_a_transaction_while_steps_are_at_work(stage: Stage, seen: Seen) -> None:
    name = stage.publish(GATES)
    with stage.working(**NEVER) as process, stage.database.connect("admin") as look:
        run = stage.submit(name)
        process.conductor.nudge([run.pk])
        until(lambda: len(seen.begun) == 5, what="five items at work")
        until(lambda: not busy(look), what="the conductor to have committed")
        for _ in range(20):
            assert busy(look) == []
            time.sleep(0.02)
        assert 1 <= len(look.execute(SESSIONS).fetchall()) <= 8
        assert not seen.ended
        for key in list(seen.begun):
            seen.gates[key].set()
        stage.state(run, "succeeded")
