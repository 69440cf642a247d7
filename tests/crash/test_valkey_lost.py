"""Redis carries hints only: without it, or with too many, every run still ends; when it is back, it is used again."""

from __future__ import annotations

import random
import threading

import django_rq
import redis
from django.conf import settings

from orchestra.engine import dispatch
from orchestra.local.valkey import Valkey
from orchestra.models import Run
from tests.crash.stage import FIVE, NOWHERE, PATIENCE, Stage
from tests.waiting import until

#: So seldom that who finishes in time was told.
SLOW_POLL = {"ORCHESTRA_POLL_SLOW": "600"}


def test_runs_end_while_valkey_is_emptied_over_and_over(stage: Stage, valkey: Valkey) -> None:
    worker = stage.working()
    over = threading.Event()
    emptying = threading.Thread(target=empty, args=(valkey, over))
    emptying.start()
    try:
        stage.finish(stage.submit(stage.publish(FIVE), 40))
    finally:
        over.set()
        emptying.join()
    hints_come_back(stage, worker.pid)
    stage.sound()


def test_runs_end_without_valkey_and_hints_are_used_once_it_is_there(stage: Stage, valkey: Valkey) -> None:
    valkey.stop()
    worker = stage.working()
    workflow = stage.publish(FIVE)
    stage.finish(stage.submit(workflow, 10))
    assert by_hint(stage, worker.pid) == 0
    valkey.revive()
    hints_come_back(stage, worker.pid)
    runs = stage.submit(workflow, 40)
    valkey.stop()
    stage.finish(runs)
    valkey.revive()
    hints_come_back(stage, worker.pid)
    stage.sound()


def test_runs_end_when_every_wake_up_is_dropped(stage: Stage) -> None:
    """The submitter reaches no Redis; the worker does, and waits for hints in vain."""
    worker = stage.working()
    submitter = stage.spawn(
        "submit", stage.publish(FIVE), "--input", stage.input(), "--as", "olga", "--count", "20",
        variables={"REDIS_URL": NOWHERE},
    )  # fmt: skip
    submitter.says("hint.lost")
    until(lambda: len(stage.all()) == 20, within=PATIENCE, what="20 runs")
    stage.finish(stage.all())
    assert by_hint(stage, worker.pid) == 0
    stage.sound()


def test_steps_are_done_once_when_every_wake_up_comes_five_times_and_shuffled(stage: Stage) -> None:
    workers = [stage.working(**SLOW_POLL), stage.working(**SLOW_POLL)]
    runs = stage.submit(stage.publish(FIVE), 40)
    ring_five_times(runs)
    stage.finish(runs)
    ring_five_times(runs)  # those that have ended, too
    (last,) = stage.submit(stage.publish(FIVE), 1)
    ring_five_times([last])
    stage.finish([last])
    assert stage.repeated() == {}
    assert all(worker.pid for worker in workers)
    stage.sound()


def ring_five_times(runs: list[Run]) -> None:
    """What the doorbell does, without looking whether a hint is waiting."""
    hints = [run.pk for run in runs] * 5
    random.Random(5).shuffle(hints)
    queue = django_rq.get_queue(settings.HINT_QUEUE)
    for run_id in hints:
        queue.enqueue_call(dispatch.JOB, args=([run_id],), result_ttl=0, ttl=60, failure_ttl=60)


def empty(valkey: Valkey, over: threading.Event) -> None:
    """FLUSHALL until the end."""
    with redis.Redis.from_url(valkey.url()) as client:
        while not over.wait(0.02):
            client.flushall()


def by_hint(stage: Stage, pid: int | None) -> int:
    """How many claims of a worker a hint began."""
    query = "SELECT claims_by_hint FROM orchestra_workerprocess WHERE pid = %s"
    return int(stage.ask(query, [pid])[0][0])


def hints_come_back(stage: Stage, pid: int | None) -> None:
    """Submit until the worker is told of runs by hints again."""
    before, workflow = by_hint(stage, pid), stage.publish(FIVE)

    def told() -> bool:
        stage.finish(stage.submit(workflow, 1))
        return by_hint(stage, pid) > before

    until(told, within=PATIENCE, what="claims by hint")
