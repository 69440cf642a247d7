"""Connections that fail between a worker and PostgreSQL: replies that are lost, ends that fall silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestra.local.postgres import Postgres
from tests.crash import proxy
from tests.crash.proxy import Proxy
from tests.crash.stage import FIVE, PATIENCE, Stage, kill
from tests.waiting import until

TOOL = """
a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: tool, tool: crash.read, with: {given: "{{ input }}", step: b}}
c: {needs: b, kind: python, function: crash.mark, with: {given: "{{ input }}", step: c}}
"""
GATE = """
a: {kind: python, function: crash.mark, with: {given: "{{ input }}", step: a}}
b: {needs: a, kind: python, function: crash.gate, with: {given: "{{ input }}", step: b}}
"""
SHORT = {"ORCHESTRA_LEASE": "3"}
LOCKING = b"FOR NO KEY UPDATE OF r"


@pytest.fixture
def door(postgres: Postgres) -> Iterator[Proxy]:
    """What stands between a worker and PostgreSQL in this test."""
    with proxy.before(postgres.port) as made:
        yield made


def test_nothing_is_done_twice_though_commits_or_their_replies_are_lost(stage: Stage, door: Proxy) -> None:
    """The worker finds in the database what is durable, and writes again what it knows and is not."""
    worker = stage.working(**proxy.through(door, stage.database))
    door.share = 0.25
    runs = stage.submit(stage.publish(FIVE), 30) + stage.submit(stage.publish(TOOL), 30)
    until(lambda: min(door.unheard, door.unsaid) >= 10, within=PATIENCE, what="10 losses of both kinds")
    door.share = 0.0
    stage.finish(runs)
    assert stage.repeated() == {}
    assert stage.takeovers() == 0
    assert worker.pid
    stage.sound()


@pytest.mark.parametrize("holding", [False, True], ids=["idle", "inside a transaction"])
def test_worker_whose_connections_fall_silent_is_replaced_after_the_lease(
    stage: Stage, door: Proxy, holding: bool
) -> None:
    """Its sessions live on in the server, with the advisory lock, and perhaps with locks on its runs."""
    silent = stage.working(**proxy.through(door, stage.database), **SHORT)
    (run,) = stage.submit(stage.publish(GATE))
    stage.begins("b", by=silent)
    if holding:
        door.stop_at = LOCKING
        stage.open(only=silent)
        until(lambda: door.hangs, within=PATIENCE, what="the silence")
    else:
        door.hang()
    other = stage.working(**SHORT)
    stage.begins("b", by=other)
    before = stage.record(run)
    door.go_on()
    silent.says("fence.lost")
    assert stage.record(run) == before
    stage.open()
    stage.finish([run])
    stage.sound()


def test_worker_whose_old_session_lingers_in_the_server_goes_on_beating_and_sweeping(
    stage: Stage, door: Proxy
) -> None:
    """The session that the server still believes in holds the worker's lock."""
    worker = stage.working(**proxy.through(door, stage.database))
    door.cut_clients_off()
    worker.says("worker.reconnected")
    dead = stage.working(ORCHESTRA_SLOTS="1")
    runs = stage.submit(stage.publish(GATE), 5)
    stage.begins("b", by=dead)
    kill(dead)
    stage.open()
    stage.finish(runs)
    assert worker.pid
    stage.sound()
