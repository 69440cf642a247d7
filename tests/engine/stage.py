"""A stage for runs: publishes small workflows, submits, waits until nothing moves, and looks at the rows.

The worker is a real one, in a thread of this process, so that functions of a test and the test share memory.
"""

from __future__ import annotations

import itertools
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings

from orchestra import canonical
from orchestra.engine import claim, connections, publish, tasks
from orchestra.engine.conductor import Conductor
from orchestra.engine.session import Session
from orchestra.intake import tasks as intake
from orchestra.models import AuditEvent, Deployment, HumanTask, Person, Run, Step, WorkflowVersion
from orchestra.people import persons
from orchestra.worker import Process
from tests.databases import Database
from tests.waiting import until

#: Short enough that nobody waits for them; the leases are long, since nothing dies here.
QUICK: Mapping[str, Any] = {
    "POLL_SLOW": 0.02,
    "POLL_FAST": 0.02,
    "HEARTBEAT": 0.1,
    "SWEEP": 0.2,
    "LEASE": 60,
    "SLOTS": 50,
    "HANDS": 32,
    "STEP_FUNCTIONS": ["tests.engine.functions"],
}
#: A run that waits for something further away than this is at rest (seconds).
SOON = 3.0
MOVING = """
SELECT count(*) FROM orchestra_run r WHERE r.task_id = %s AND (r.state IN ('queued', 'running')
  OR r.state = 'waiting' AND r.due_at < clock_timestamp() + %s * interval '1 second')
"""
ANY_MOVING = """
SELECT count(*) FROM orchestra_run r WHERE r.state IN ('queued', 'running')
  OR r.state = 'waiting' AND r.due_at < clock_timestamp() + %s * interval '1 second'
"""
#: What must never be, each with the runs of which it is so.
NEVER = {
    "an escalated run asks nobody": """SELECT id FROM orchestra_run r WHERE state = 'escalated' AND NOT EXISTS (
        SELECT 1 FROM orchestra_humantask h WHERE h.run_id = r.id AND h.state = 'open' AND h.kind = 'escalation')""",
    "a run that has ended still asks": """SELECT r.id FROM orchestra_run r JOIN orchestra_humantask h ON h.run_id = r.id
        WHERE r.finished_at IS NOT NULL AND h.state = 'open'""",
    "a run that has ended has steps that have not": """SELECT r.id FROM orchestra_run r
        JOIN orchestra_step s ON s.run_id = r.id WHERE r.finished_at IS NOT NULL AND s.finished_at IS NULL""",
    "a run that has ended has children that have not and that nobody calls off": """SELECT r.id FROM orchestra_run r
        JOIN orchestra_run c ON c.parent_run_id = r.id WHERE r.finished_at IS NOT NULL
        AND c.finished_at IS NULL AND c.cancel_requested_at IS NULL""",
    "a run waits for what has come": """SELECT r.id FROM orchestra_run r JOIN orchestra_step s ON s.run_id = r.id
        LEFT JOIN orchestra_humantask h ON h.id = s.waits_humantask_id
        LEFT JOIN orchestra_run c ON c.id = s.waits_run_id
        WHERE r.state = 'waiting' AND (r.due_at IS NULL OR r.due_at > clock_timestamp())
        AND (h.state <> 'open' OR c.finished_at IS NOT NULL OR s.waits_until < clock_timestamp() - interval '9 s')""",
    "a run that has ended has calls that have not": """SELECT r.id FROM orchestra_run r
        JOIN orchestra_toolcall c ON c.run_id = r.id WHERE r.finished_at IS NOT NULL AND c.finished_at IS NULL""",
    "a run is stuck": "SELECT run_id FROM orchestra_run_stuck",
}
names = itertools.count(1)


class Stage:
    """One database with an operator and an outsider; `working` has a worker on it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.operator = persons.add(name="olga", full_name="Olga", groups=["operators"], password=None)
        self.outsider = persons.add(name="otto", full_name="Otto", groups=[], password=None)
        self._hired: tuple[Process, threading.Thread, override_settings] | None = None

    def person(self, groups: Iterable[str]) -> Person:
        """Somebody else, in these groups."""
        name = f"p{next(names)}"
        return persons.add(name=name, full_name="", groups=groups, password=None)

    def hire(self, *, slots: int | None = None, **settings: Any) -> Process:
        """Put a worker on the stage, with other settings than the quick ones if wanted."""
        assert self._hired is None, "one worker at a time"
        changed = override_settings(**{**QUICK, **settings})
        changed.enable()
        process = Process("stage", slots=slots)
        thread = threading.Thread(target=process.run, kwargs={"hints": False}, name="conductor")
        self._hired = (process, thread, changed)
        thread.start()
        return process

    def dismiss(self) -> None:
        """Stop the worker in order."""
        assert self._hired is not None
        process, thread, changed = self._hired
        self._hired = None
        process.stop()
        thread.join(timeout=30)
        changed.disable()
        assert not thread.is_alive(), "the conductor does not stop"

    @contextmanager
    def working(self, *, slots: int | None = None, **settings: Any) -> Iterator[Process]:
        """A worker until the end."""
        process = self.hire(slots=slots, **settings)
        try:
            yield process
        finally:
            self.dismiss()

    @contextmanager
    def nobody_working(self) -> Iterator[None]:
        """No worker until the end, and a new one then."""
        self.dismiss()
        try:
            with override_settings(**QUICK):
                yield
        finally:
            self.hire()

    def one_round(self, *, slots: int = 50) -> None:
        """A worker that claims and decides once, and is gone."""
        session = Session("one round", slots)
        conductor = Conductor(session, slots=slots)
        conductor.nudge()
        conductor._collect()
        conductor._round()
        conductor.stop()
        conductor.run()
        session.close()

    def publish(self, steps: str, *, more: str = "", name: str = "", environment: str = "dev") -> str:
        """Publish a small workflow; its name."""
        name = name or f"w{next(names)}"
        publish.text(workflow(name, steps, more), by=self.operator, environment=environment)
        return name

    def store(self, name: str, change: Callable[[Any], Any]) -> None:
        """Store a version that publishing would refuse, made from the published one; as an older release might have."""
        deployment = Deployment.objects.select_related("base_version").get(workflow__name=name)
        base = deployment.base_version
        spec = change(base.spec)
        deployment.base_version = WorkflowVersion.objects.create(
            workflow=base.workflow,
            number=base.number + 1,
            spec=spec,
            source="",
            digest=canonical.digest(spec),
            author=self.operator,
        )
        deployment.save()

    def submit(self, workflow: str, given: object = None, **request: Any) -> Run:
        """A run of a published workflow."""
        asked = {"environment": "dev", "source": "command", **request}
        payload = {} if given is None else given
        return intake.accept(
            intake.Request(workflow=workflow, payload=payload, **asked), by=self.operator
        ).run

    def start(self, steps: str, given: object = None, *, more: str = "") -> Run:
        """Publish and submit."""
        return self.submit(self.publish(steps, more=more), given)

    def play(self, steps: str, given: object = None, *, more: str = "") -> Run:
        """Publish, submit, and wait until the run rests."""
        return self.rest(self.start(steps, given, more=more))

    def rest(self, run: Run, *, within: float = 30.0) -> Run:
        """Wait until neither the run nor another of its task moves any more; the run as it is then."""
        until(lambda: not moving(run), within=within, what=f"run {run.pk} at rest: {self.states(run)}")
        return again(run)

    def state(self, run: Run, state: str) -> Run:
        """Wait until the run is in this state."""
        until(lambda: again(run).state == state, what=f"run {run.pk} {state}, it is {again(run).state}")
        return again(run)

    def until_step(self, run: Run, path: str, state: str) -> Step:
        """Wait until a step is in this state."""
        until(lambda: self.states(run).get(path) == state, what=f"step {path} {state}: {self.states(run)}")
        return self.step(run, path)

    def hurry(self, step: Step) -> None:
        """What the step waits for is over; as if time had passed."""
        Step.objects.filter(pk=step.pk).update(waits_until=Now())
        Run.objects.filter(pk=step.run_id).update(due_at=Now())

    def step(self, run: Run, path: str, item: int = Step.NO_ITEM) -> Step:
        """One step of a run."""
        return Step.objects.get(run=run, path=path, item=item)

    def states(self, run: Run) -> dict[str, str]:
        """The states of all steps that have a row, by path (and item)."""
        return {str(step): step.state for step in Step.objects.filter(run=run).order_by("ordinal")}

    def question(self, run: Run) -> HumanTask:
        """The one open question of a run."""
        return HumanTask.objects.select_related("group").get(run=run, state="open")

    def questions(self, run: Run) -> list[HumanTask]:
        """All open questions of a run."""
        return list(HumanTask.objects.filter(run=run, state="open").order_by("pk"))

    def answer(self, run: Run, values: object, *, by: Person | None = None) -> HumanTask:
        """Answer the one open question of a run."""
        return tasks.answer(uid=self.question(run).uid, by=by or self.operator, values=values)

    def order_of_claims(self, runs: list[Run]) -> list[Run]:
        """The runs in the order in which they were claimed, by their records."""
        first = AuditEvent.objects.filter(chain__in=[run.uid for run in runs], reason="claimed").order_by(
            "pk"
        )
        by_uid = {run.uid: run for run in runs}
        return [by_uid[event.chain] for event in first]

    def answer_one(self, question: HumanTask, values: object) -> HumanTask:
        """Answer this question."""
        return tasks.answer(uid=question.uid, by=self.operator, values=values)

    def beats(self, count: int) -> bool:
        """Wait until the conductor has looked at its runs so often."""
        assert self._hired is not None
        conductor = self._hired[0].conductor
        for _ in range(count):
            last = conductor._next_watch
            until(lambda last=last: conductor._next_watch > last, what="a beat")  # type: ignore[misc]
        return True

    def told(self, run: Run) -> list[tuple[str, str, str, str]]:
        """The record of a run: who, what, to which state, why."""
        events = AuditEvent.objects.filter(chain=run.uid).order_by("seq")
        return [(event.actor, event.subject, event.target, event.reason) for event in events]


def workflow(name: str, steps: str, more: str = "") -> str:
    """The text of a small workflow."""
    head = f"kind: workflow\nname: {name}\nspec:\n  owner: operators\n"
    before = textwrap.indent(textwrap.dedent(more).strip("\n") + "\n", "  ") if more else ""
    return head + before + "  steps:\n" + textwrap.indent(textwrap.dedent(steps).strip("\n") + "\n", "    ")


def again(run: Run) -> Run:
    """The run as it is now."""
    return Run.objects.get(pk=run.pk)


def moving(run: Run) -> bool:
    """Whether a worker has something to do for the task of this run, now or soon."""
    with connection.cursor() as cursor:
        cursor.execute(MOVING, [run.task_id, SOON])
        return bool(cursor.fetchone()[0])


def wrongs() -> dict[str, list[int]]:
    """What is so and must never be."""
    found = {}
    with connection.cursor() as cursor:
        for what, query in NEVER.items():
            cursor.execute(query)
            found[what] = sorted({row[0] for row in cursor.fetchall()})
    return {what: runs for what, runs in found.items() if runs}


def nothing_moves() -> bool:
    """Whether no run is claimed or due."""
    with connection.cursor() as cursor:
        cursor.execute(ANY_MOVING, [SOON])
        return not cursor.fetchone()[0]


def database_time() -> datetime:
    """The only clock that counts."""
    return connections.now()


def forget() -> None:
    """What this process has kept of another database."""
    claim.spec_of.cache_clear()
