"""Real workers deliver: each message once, also when there are two; again when one dies; and runs never wait for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from orchestra.delivery import outbox
from orchestra.local.postgres import Postgres
from orchestra.models import WebhookDelivery
from tests.conftest import Spawn, Spawned
from tests.crash.stage import FIVE, Stage, begin_anew, kill
from tests.crash.test_postgres_lost import crash
from tests.databases import Database
from tests.delivery.conftest import VARIABLE, Post
from tests.delivery.receiver import SECRET, receiving, verifier
from tests.waiting import until

pytestmark = pytest.mark.chaos


def variables(post: Post, *allow: str, **more: str) -> dict[str, str]:
    """What a worker must be told to deliver to the receiver."""
    return {
        VARIABLE: SECRET,
        "ORCHESTRA_WEBHOOK_ALLOW": ",".join([post.receiver.allow, *allow]),
        "ORCHESTRA_WEBHOOK_POLL": "0.05",
        "ORCHESTRA_WEBHOOK_TIMEOUT": "20",
        "ORCHESTRA_STEP_FUNCTIONS": "tests.crash.functions",
        **more,
    }


def work(spawn: Spawn, post: Post, *allow: str, **more: str) -> Spawned:
    process = spawn("work", variables=variables(post, *allow, **more))
    process.says("worker.started")
    return process


def arrived() -> int:
    return WebhookDelivery.objects.filter(delivered_at__isnull=False).count()


def test_two_workers_at_once_send_each_message_once(post: Post, spawn: Spawn) -> None:
    messages = [post.end() for _ in range(40)]
    workers = [spawn("work", variables=variables(post)) for _ in range(2)]
    for worker in workers:
        worker.says("worker.started")
    until(lambda: arrived() == len(messages), within=60, what=f"all of them: {arrived()}")
    assert Counter(post.receiver.ids) == Counter(str(message.uid) for message in messages)
    for got in post.receiver.got:
        verifier()(SECRET, got.headers, got.body)


def test_worker_killed_before_it_wrote_down_the_answer_leads_to_one_repeat_of_the_same_id(
    post: Post, spawn: Spawn
) -> None:
    answer = threading.Event()
    post.receiver.before = lambda: answer.wait(30)
    post.end()
    first = work(spawn, post, ORCHESTRA_WEBHOOK_TIMEOUT="2")
    until(lambda: post.receiver.got, what="the first sending")
    kill(first)
    answer.set()
    work(spawn, post, ORCHESTRA_WEBHOOK_TIMEOUT="2")
    until(lambda: arrived() == 1, within=60, what="the second sending")
    assert (len(post.receiver.got), len(set(post.receiver.ids))) == (2, 1)
    assert post.delivery().attempts == 2


def test_worker_that_is_told_to_stop_writes_down_what_is_under_way(post: Post, spawn: Spawn) -> None:
    answer = threading.Event()
    post.receiver.before = lambda: answer.wait(30)
    post.end()
    worker = work(spawn, post)
    until(lambda: post.receiver.got, what="the sending")
    assert worker.process
    worker.process.terminate()
    time.sleep(1)  # by now it has heard, and waits for the answer alone
    answer.set()
    worker.process.wait(60)
    assert (arrived(), len(post.receiver.got)) == (1, 1)


def test_what_arrived_while_the_database_was_away_is_written_down_later_and_not_sent_again(
    post: Post, spawn: Spawn, postgres: Postgres
) -> None:
    answer = threading.Event()
    post.receiver.before = lambda: answer.wait(60)
    post.end()
    worker = work(spawn, post, ORCHESTRA_WEBHOOK_TIMEOUT="60")
    until(lambda: post.receiver.got, what="the sending")
    crash(postgres)
    answer.set()
    worker.says("delivery.interrupted")
    postgres.revive()
    begin_anew()
    until(lambda: arrived() == 1, within=60, what="the answer written down")
    assert (len(post.receiver.got), post.delivery().attempts) == (1, 1)


def test_slow_receiver_holds_up_neither_runs_nor_other_receivers(
    post: Post, spawn: Spawn, stage: Stage
) -> None:
    answer = threading.Event()
    post.receiver.before = lambda: answer.wait(60)
    with receiving() as quick:
        other = post.add(name="quick", url=quick.url, deployment=post.deployment)
        for _ in range(30):
            post.end()
        outbox.pass_on()
        work(spawn, post, quick.allow)
        until(lambda: post.receiver.got, what="the slow one to be busy")
        runs = stage.submit(stage.publish(FIVE), 5)
        stage.finish(runs)
        until(lambda: len(quick.got) == 30, what="the quick one to have all")
        delivered = WebhookDelivery.objects.filter(delivered_at__isnull=False)
        assert set(delivered.values_list("webhook", flat=True)) == {other.pk}
        answer.set()
        until(lambda: arrived() == 60, what="the slow one at last")
    assert post.receiver.most_at_once <= 4


@pytest.fixture
def stage(database: Database, spawn: Spawn, tmp_path: Path) -> Stage:
    """Runs beside the deliveries, in the same database."""
    return Stage(database, spawn, tmp_path)
