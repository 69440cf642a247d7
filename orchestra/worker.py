"""The worker process: slots, poller, sweeper, postman and session, and RQ as one restartable source of hints.

`manage.py work` owns it; the stock `manage.py rqworker --worker-class orchestra.worker.HintWorker` hosts it too.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import django_rq
import psycopg
import redis
from django.conf import settings
from django.db import Error as DatabaseError
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker import SimpleWorker

from orchestra import logs
from orchestra.delivery.postman import Postman
from orchestra.engine import dispatch, recover
from orchestra.engine.conductor import Conductor
from orchestra.engine.session import Session
from orchestra.errors import Bug, OrchestraError
from orchestra.workflows import functions

LONGEST_BACKOFF = 5.0
#: RQ blocks for this minus 15 seconds at a time.
HINT_WORKER_TTL = 20


class Process:
    """Everything that runs in one worker process, as threads beside the conductor."""

    def __init__(self, name: str, *, slots: int | None = None) -> None:
        functions.load(settings.STEP_FUNCTIONS)
        self.session = Session(name, slots or settings.SLOTS)
        self.conductor = Conductor(self.session, slots=slots)
        self._over = threading.Event()
        self._duty = threading.Thread(target=self._beat_and_sweep, name="duty", daemon=True)
        self._postman = Postman()
        self._hints = threading.Thread(target=self._listen, name="hints", daemon=True)

    def run(self, *, hints: bool = True) -> None:
        """Work until `stop`. Returns after everything in flight is settled or given back."""
        logs.event("worker.started", worker=self.session.worker_id, name=self.session.name)
        self._duty.start()
        self._postman.start()
        if hints:
            self._hints.start()
        try:
            self.conductor.run()
        finally:
            self._over.set()
            self._postman.stop()
            self._duty.join(timeout=settings.HEARTBEAT + 5)
            self.session.close()
            logs.event("worker.stopped", worker=self.session.worker_id)

    def stop(self) -> None:
        """Stop in order; from any thread or a signal handler."""
        self.conductor.stop()

    def _beat_and_sweep(self) -> None:
        """Beats keep us alive in the eyes of others; sweeps find those who are not."""
        next_beat = 0.0
        while not self._over.wait(settings.SWEEP):
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + settings.HEARTBEAT
                self._try("worker.beat_failed", self._beat)
            self._try("sweep.failed", self._sweep)

    def _beat(self) -> None:
        self.session.counts.hints_lost = dispatch.doorbell.lost
        self.session.beat()

    def _sweep(self) -> None:
        if found := recover.sweep():
            self.conductor.nudge(found)

    def _try(self, name: str, duty: Callable[[], None]) -> None:
        try:
            duty()
        except (DatabaseError, psycopg.Error, OrchestraError) as error:
            logs.event(name, level=logs.WARNING, error=error, worker=self.session.worker_id)

    def _listen(self) -> None:
        """RQ's own loop ends when Redis is away for seconds: begin again, less often while it stays away."""
        pause = 0.1
        while not self._over.is_set():
            started = time.monotonic()
            try:
                HintWorker(
                    [django_rq.get_queue(settings.HINT_QUEUE)], hosted=True, name=self._rq_name()
                ).work(logging_level="WARNING")
            except (redis.RedisError, OSError, ValueError) as error:
                logs.event("hint.source_restarted", level=logs.WARNING, error=error)
            pause = 0.1 if time.monotonic() - started > LONGEST_BACKOFF else min(pause * 2, LONGEST_BACKOFF)
            self._over.wait(pause)

    def _rq_name(self) -> str:
        return f"{self.session.name}-{self.session.worker_id}-{time.monotonic_ns()}"


_process: Process | None = None


def host(name: str, *, slots: int | None = None) -> Process:
    """Make the one process object of this operating system process."""
    global _process  # noqa: PLW0603  RQ calls a plain function, which must find it
    if _process is not None:
        raise Bug("This process hosts a worker already.")
    _process = Process(name, slots=slots)
    return _process


def nudge(run_ids: Sequence[int]) -> None:
    """Pass a hint on to the conductor of this process."""
    if _process is None:
        raise Bug("No worker runs in this process: use --worker-class orchestra.worker.HintWorker.")
    _process.conductor.nudge(run_ids)


def work(name: str, *, slots: int | None = None) -> None:
    """Run a worker in the main thread until SIGTERM or SIGINT."""
    process = host(name, slots=slots)

    def stop(_number: int, _frame: FrameType | None) -> None:
        process.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    process.run()


class HintWorker(SimpleWorker):
    """Takes hints from RQ. Hosts a worker process of its own when the stock command runs it."""

    death_penalty_class = TimerDeathPenalty

    def __init__(self, *args: Any, hosted: bool = False, **kwargs: Any) -> None:
        kwargs["serializer"] = JSONSerializer  # the stock command passes pickle
        if hosted:
            kwargs["worker_ttl"] = HINT_WORKER_TTL
        super().__init__(*args, **kwargs)
        self._hosted = hosted

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Take hints; when not hosted, run the conductor beside and stop it afterwards."""
        if self._hosted:
            return bool(super().work(*args, **kwargs))
        process = host(self.name)
        beside = threading.Thread(target=process.run, kwargs={"hints": False}, name="conductor")
        beside.start()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            process.stop()
            beside.join()

    def _install_signal_handlers(self) -> None:
        """Only the main thread may; hosted, the process's own handlers stop everything."""
        if threading.current_thread() is threading.main_thread():
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]
