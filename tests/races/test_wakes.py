"""A wake that comes while a worker lets go of the run: it is never lost, whenever exactly it comes."""

from __future__ import annotations

import random
import threading
import time
from functools import partial

from django.db.models import Exists, OuterRef

from orchestra.engine import checkpoint, tasks
from orchestra.engine.connections import borrow
from orchestra.engine.flight import Flight
from orchestra.models import HumanTask, Person, Run
from tests import factories
from tests.databases import Database
from tests.races import runs
from tests.races.pairs import PATIENCE, pair
from tests.waiting import until

BATCHES = 50
BATCH = 8  # runs that are let go of together, while their questions are answered one after the other
BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def test_answer_at_the_moment_of_letting_go_is_never_lost(database: Database) -> None:
    """400 answers; after each the run has seen it, or is due and then sees it."""
    operator, worker = runs.begin(), factories.worker().pk
    asking = asked(operator, worker, BATCH)
    chance, took = random.Random(400), 0.05
    with pair() as both:
        for number in range(BATCHES):
            questions = opened(asking)
            flights = woken(asking, worker)
            delays = (chance.uniform(0, took), 0.0)
            answering = partial(answer, questions, operator)
            _, took = both.at_once(partial(runs.let_go, flights), answering, delays=delays)
            runs.let_go(runs.take(worker, BATCH))  # whom the answer made due
            assert all_asked_again(questions), f"an answer of batch {number} is lost"


def test_answer_between_claim_and_look_is_seen(database: Database) -> None:
    operator, worker = runs.begin(), factories.worker().pk
    asking = asked(operator, worker, 1)
    questions = opened(asking)
    flights = woken(asking, worker)
    answer(questions, operator)
    runs.let_go(flights)
    assert all_asked_again(questions)


def test_answer_between_look_and_commit_waits_and_makes_the_run_due(database: Database) -> None:
    operator, worker = runs.begin(), factories.worker().pk
    asking = asked(operator, worker, 1)
    questions = opened(asking)
    flights = woken(asking, worker)
    with borrow():
        held = checkpoint.hold(flights)
        answering = threading.Thread(target=answer, args=(questions, operator))
        answering.start()
        with database.connect("admin") as watcher:
            until(
                lambda: watcher.execute(BLOCKED).fetchone() == (1,), within=PATIENCE, what="a blocked answer"
            )
        runs.decide(held)
    answering.join(PATIENCE)
    assert not all_asked_again(questions)
    runs.let_go(runs.take(worker, 1))
    assert all_asked_again(questions)


def asked(by: Person, worker: int, count: int) -> list[Run]:
    """Runs that have asked their first question."""
    made = [runs.submit(by) for _ in range(count)]
    runs.let_go(runs.take(worker, count))
    return made


def opened(asking: list[Run]) -> list[HumanTask]:
    """Their open questions."""
    return list(HumanTask.objects.filter(run__in=asking, state="open").order_by("run"))


def woken(asking: list[Run], worker: int) -> list[Flight]:
    """The runs in flight again, for nothing: their questions are open."""
    with borrow():
        checkpoint.wake(sorted(run.pk for run in asking))
    flights = runs.take(worker, len(asking))
    assert len(flights) == len(asking)
    return flights


def answer(questions: list[HumanTask], by: Person) -> float:
    """Answer them, one after the other; how long that took, in seconds."""
    begun = time.monotonic()
    for question in questions:
        tasks.answer(uid=question.uid, by=by, values={})
    return time.monotonic() - begun


def all_asked_again(questions: list[HumanTask]) -> bool:
    """Whether the run of each has gone on to its next question."""
    later = HumanTask.objects.filter(run=OuterRef("run"), pk__gt=OuterRef("pk"))
    ids = [question.pk for question in questions]
    return not HumanTask.objects.filter(~Exists(later), pk__in=ids).exists()
