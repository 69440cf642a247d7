"""W1, durable throughput: runs of five steps, each checkpointed before the next starts, fsync on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from django.db import connection

from bench.stage import Stage
from orchestra.engine import publish
from orchestra.engine.connections import borrow
from orchestra.intake import tasks
from orchestra.models import Person
from orchestra.people import persons
from orchestra.workflows import functions

STEPS = 5
SUBMITTERS = 4
WORKFLOW = """
kind: workflow
name: w1
spec:
  owner: operators
  steps:
    s1: {kind: python, function: bench.step, with: {run: "{{ input.run }}", step: "1"}}
    s2: {needs: s1, kind: python, function: bench.step, with: {run: "{{ steps.s1.output.run }}", step: "2"}}
    s3: {needs: s2, kind: python, function: bench.step, with: {run: "{{ steps.s2.output.run }}", step: "3"}}
    s4: {needs: s3, kind: python, function: bench.step, with: {run: "{{ steps.s3.output.run }}", step: "4"}}
    s5: {needs: s4, kind: python, function: bench.step, with: {run: "{{ steps.s4.output.run }}", step: "5"}}
"""
DONE = "SELECT count(*), max(finished_at) FROM orchestra_run WHERE state = 'succeeded' AND id > %s"
SHARE = "SELECT sum(claims_by_hint), sum(claims_by_hint + claims_by_poll) FROM orchestra_workerprocess"
CHECK = "SELECT count(*) FROM orchestra_step s JOIN orchestra_run r ON r.id = s.run_id WHERE r.id > %s AND s.state = 'succeeded'"


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: seconds from the first submit to the last finish, and what it makes a second."""

    runs: int
    workers: int
    submitting: float
    seconds: float
    steps_per_second: float
    hint_share: float


def prepare() -> None:
    """Publish the workflow."""
    functions.load(["bench.functions"])
    by = persons.add(name="bench", full_name="", groups=["operators"], password=None)
    publish.text(WORKFLOW, by=by, environment="bench")


def measure(stage: Stage, *, runs: int, workers: int) -> Round:
    """Submit `runs` runs to `workers` running processes and wait for the last one."""
    by = persons.find("bench")
    with stage.workers(workers):
        before = _newest()
        started = time.perf_counter()
        with ThreadPoolExecutor(SUBMITTERS) as pool:
            for _ in pool.map(partial(_submit, by), range(runs)):
                pass
        submitting = time.perf_counter() - started
        while _one(DONE, [before])[0] < runs:
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        time.sleep(2.5)  # the workers write their counts with their next beat
        hinted, claimed = _one(SHARE, [])
    if _one(CHECK, [before])[0] != runs * STEPS:
        raise SystemExit("some steps are missing: the figure would be worth nothing")
    return Round(runs, workers, submitting, seconds, runs * STEPS / seconds, float(hinted) / float(claimed))


def _submit(by: Person, number: int) -> None:
    tasks.accept(tasks.Request("w1", "bench", {"run": str(number)}, "command"), by=by)


def _newest() -> int:
    found: int = _one("SELECT coalesce(max(id), 0) FROM orchestra_run", [])[0]
    return found


def _one(query: str, values: list[int]) -> tuple[int, ...]:
    with borrow(), connection.cursor() as cursor:
        cursor.execute(query, values)
        found: tuple[int, ...] = cursor.fetchone()
    return found
