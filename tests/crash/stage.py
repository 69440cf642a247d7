"""A stage for crashes: real workers, runs that note what they do, and what must be true at the end of all of them.

Reads through sessions of its own, so that a server that is away, or a pool, does not matter.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.engine import claim, dispatch, publish
from orchestra.intake import tasks as intake
from orchestra.models import Run
from orchestra.people import persons
from orchestra.workflows import functions
from tests.conftest import Spawn, Spawned
from tests.databases import Database
from tests.waiting import until

#: Leases far beyond any test: who finishes in time did not wait for one. Tests about leases shorten them.
USUAL: Mapping[str, str] = {
    "ORCHESTRA_STEP_FUNCTIONS": "tests.crash.functions",
    "ORCHESTRA_LEASE": "600",
    "ORCHESTRA_HEARTBEAT": "0.3",
    "ORCHESTRA_SWEEP": "0.2",
    "ORCHESTRA_SESSION_GRACE": "1",
    "ORCHESTRA_POLL_SLOW": "0.3",
    "ORCHESTRA_POLL_FAST": "0.1",
}
NOWHERE = "redis://127.0.0.1:1/0"
PATIENCE = 90.0  # seconds
WAITING = "not all runs ended"
FIVE = "\n".join(
    f"{name}: {{{f'needs: {before}, ' if before else ''}kind: python, function: crash.nap, "
    f'with: {{given: "{{{{ input }}}}", step: {name}, seconds: 0.05}}}}'
    for before, name in itertools.pairwise(["", *"abcde"])
)
names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Note:
    """One line that a function wrote."""

    n: int
    step: str
    what: str
    pid: int


class Stage:
    """One database, workers on it, and a ledger of what was done."""

    def __init__(self, database: Database, spawn: Spawn, folder: Path) -> None:
        self.database, self.spawn, self.folder = database, spawn, folder
        self.ledger, self.gate = folder / "ledger", folder / "gate"
        self.workers: list[Spawned] = []
        self._numbers = itertools.count()
        functions.load(["tests.crash.functions"])
        claim.spec_of.cache_clear()
        dispatch.doorbell.silent_until = 0.0
        self.operator = persons.add(name="olga", full_name="Olga", groups=["operators"], password=None)
        self._session: psycopg.Connection | None = None

    # --- What is to be done.

    def publish(self, steps: str, *, more: str = "") -> str:
        """Publish a workflow of these steps; its name."""
        name = f"crash-{next(names)}"
        head = f"kind: workflow\nname: {name}\nspec:\n  owner: operators\n"
        before = textwrap.indent(textwrap.dedent(more).strip("\n") + "\n", "  ") if more else ""
        body = textwrap.indent(textwrap.dedent(steps).strip("\n") + "\n", "    ")
        publish.text(head + before + "  steps:\n" + body, by=self.operator, environment="dev")
        return name

    def submit(self, workflow: str, count: int = 1, **given: Any) -> list[Run]:
        """Submit so many tasks, numbered from 0 by their `n`."""
        return [self._submit(workflow, {"n": next(self._numbers), **given}) for _ in range(count)]

    def given(self) -> dict[str, Any]:
        """What every task is given."""
        return {"ledger": str(self.ledger), "gate": str(self.gate)}

    def input(self, n: int = 0) -> str:
        """The same as JSON, for commands."""
        return json.dumps({**self.given(), "n": n})

    def all(self) -> list[Run]:
        """Every run there is."""
        return list(Run.objects.order_by("pk"))

    def _submit(self, workflow: str, given: dict[str, Any]) -> Run:
        payload = {**self.given(), **given}
        request = intake.Request(workflow=workflow, environment="dev", payload=payload, source="command")
        return intake.accept(request, by=self.operator).run

    # --- Who does it.

    def worker(self, **variables: str) -> Spawned:
        """Start a worker and do not wait for it."""
        process = self.spawn("work", "--name", f"worker-{next(names)}", variables={**USUAL, **variables})
        self.workers.append(process)
        return process

    def working(self, **variables: str) -> Spawned:
        """A worker that has registered."""
        process = self.worker(**variables)
        process.says("worker.started")
        return process

    def row(self, worker: Spawned) -> dict[str, Any]:
        """What the database says of a worker."""
        found = self.ask("SELECT to_jsonb(w) FROM orchestra_workerprocess w WHERE pid = %s", [worker.pid])
        return dict(found[0][0]) if found else {}

    # --- What was done.

    def notes(self) -> list[Note]:
        """All lines of the ledger."""
        if not self.ledger.exists():
            return []
        return [Note(**json.loads(line)) for line in self.ledger.read_text().splitlines()]

    def noted(self, step: str, what: str = "begin", *, by: Spawned | None = None) -> int:
        """How often a step noted this."""
        return sum(
            note.step == step and note.what == what and (by is None or note.pid == by.pid)
            for note in self.notes()
        )

    def times(self) -> Counter[tuple[int, str]]:
        """How often each step of each run was done to its end."""
        return Counter((note.n, note.step) for note in self.notes() if note.what == "end")

    def repeated(self) -> dict[tuple[int, str], int]:
        """How often those steps were begun that were begun more than once."""
        began = Counter((note.n, note.step) for note in self.notes() if note.what == "begin")
        return {step: times for step, times in began.items() if times > 1}

    def begins(self, step: str, *, by: Spawned | None = None, count: int = 1) -> None:
        """Wait until a step has begun so often."""
        until(
            lambda: self.noted(step, by=by) >= count,
            within=PATIENCE,
            what=f"{count} x {step}: {self.notes()}",
        )

    def open(self, *, only: Spawned | None = None) -> None:
        """Let waiting steps go on: all, or those of one worker."""
        Path(f"{self.gate}.{only.pid}" if only else self.gate).touch()

    # --- What the database says.

    def ask(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows, through a session of our own. Raises OperationalError while the server is away."""
        if self._session is None or self._session.closed:
            self._session = self.database.connect()
        return self._session.execute(query.encode(), parameters).fetchall()

    def states(self, runs: Iterable[Run]) -> Counter[str]:
        """How many of the runs are in which state."""
        ids = [run.pk for run in runs]
        return Counter(
            dict(self.ask("SELECT state, count(*) FROM orchestra_run WHERE id = ANY(%s) GROUP BY 1", [ids]))
        )

    def column(self, run: Run, name: str) -> Any:
        """One column of a run, now."""
        return self.ask(f"SELECT {name} FROM orchestra_run WHERE id = %s", [run.pk])[0][0]

    def steps(self, run: Run) -> dict[str, str]:
        """The states of the steps of a run."""
        return dict(
            self.ask("SELECT path, state FROM orchestra_step WHERE run_id = %s ORDER BY id", [run.pk])
        )

    def finish(self, runs: Sequence[Run], state: str = "succeeded", *, within: float = PATIENCE) -> None:
        """Wait until all runs are in this state; a server that is away is waited for."""
        try:
            until(
                patiently(lambda: self.states(runs)[state] == len(runs)),
                within=within,
                what=WAITING,
            )
        except AssertionError:
            raise AssertionError(f"{self.states(runs)}; stuck: {self.stuck()}") from None

    def stuck(self) -> list[tuple[Any, ...]]:
        """Runs that the database itself calls stuck."""
        return self.ask("SELECT run_id, state, why FROM orchestra_run_stuck")

    def takeovers(self) -> int:
        """How often a run was taken from a worker, says the record."""
        query = "SELECT count(*) FROM orchestra_auditevent WHERE actor = 'system' AND kind = 'run' AND target = 'queued'"
        return int(self.ask(query)[0][0])

    def record(self, run: Run) -> list[tuple[Any, ...]]:
        """The record and the steps of a run, to compare."""
        query = "SELECT seq, subject, source, target, actor, reason FROM orchestra_auditevent WHERE chain = %s ORDER BY 1"
        told = self.ask(query, [run.uid])
        query = "SELECT id, path, state, attempt, output::text, finished_at FROM orchestra_step WHERE run_id = %s ORDER BY 1"
        return [*told, *self.ask(query, [run.pk])]

    def sound(self) -> None:
        """Nothing is stuck, nothing ended twice, and the record tells the life of every row."""
        assert self.stuck() == []
        twice = """SELECT kind, object_id, count(*) FROM orchestra_auditevent
          WHERE target IN ('succeeded', 'failed', 'cancelled', 'skipped') GROUP BY 1, 2 HAVING count(*) > 1"""
        assert self.ask(twice) == []
        begin_anew()
        assert list(record.check({}, Count())) == []


class Crew:
    """So many workers, each replaced when it is gone."""

    def __init__(self, stage: Stage, size: int, **variables: str) -> None:
        self._stage, self._variables = stage, variables
        self.members = [stage.worker(**variables) for _ in range(size)]
        self.died = 0

    def replace(self) -> None:
        """A new worker for each that is gone."""
        for place, member in enumerate(self.members):
            if member.pid is None:
                self.died += 1
                self.members[place] = self._stage.worker(**self._variables)

    def keep_up(self, look: Callable[[], bool], *, within: float = PATIENCE) -> None:
        """Wait for something, replacing workers meanwhile."""

        def look_after() -> bool:
            self.replace()
            return look()

        until(look_after, within=within, what=f"what was waited for, after {self.died} deaths")


def begin_anew() -> None:
    """Forget the connections of this process: the server may have been away since."""
    connection = connections["default"]
    assert isinstance(connection, DatabaseWrapper)
    connection.close()
    connection.close_pool()


def kill(process: Spawned) -> None:
    """End it without a word, as the machine does when memory runs out."""
    assert process.process
    process.kill()
    assert process.process.returncode == -signal.SIGKILL


def tell(process: Spawned, number: signal.Signals) -> None:
    """Send a signal to a process that lives."""
    assert process.pid is not None, process.text()
    os.kill(process.pid, number)


def patiently(look: Callable[[], bool]) -> Callable[[], bool]:
    """A look that is in vain while the server is away."""

    def quietly() -> bool:
        try:
            return look()
        except psycopg.OperationalError:
            return False

    return quietly
