"""A stage for crashes at the gate: workers are processes that a test kills, and all that they send goes over its wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import yaml

from orchestra.audit import record
from orchestra.audit.walk import Count
from orchestra.engine import tasks
from orchestra.models import HumanTask, Proposal, Run, WorkerProcess
from reviews import decisions
from tests.conftest import Spawn, Spawned
from tests.crash.stage import USUAL as OF_CRASHES
from tests.crash.stage import kill
from tests.databases import Database
from tests.engine.stage import again, wrongs
from tests.gate.stage import READS, SECRET, STORE, WRITES, GateStage, Line
from tests.gate_crash import ledger
from tests.gate_crash.wire import Wire
from tests.store.shop import TOKEN, Shop
from tests.waiting import until

#: A worker has so long to begin sending, and the shop so long to answer, before anything is concluded from silence.
WINDOW, TIMEOUT = 1.0, 3.0
USUAL: Mapping[str, str] = {
    **{name: value for name, value in OF_CRASHES.items() if name != "ORCHESTRA_STEP_FUNCTIONS"},
    "ORCHESTRA_SESSION_GRACE": "0.5",
    "ORCHESTRA_SEND_WINDOW": str(WINDOW),
    SECRET: TOKEN,
}
PATIENCE = 90.0  # seconds
names = itertools.count(1)


class CrashStage(GateStage):
    """The people of the other stage, with workers that can die."""

    def __init__(self, database: Database, shop: Shop, wire: Wire, spawn: Spawn) -> None:
        self.wire, self.spawn = wire, spawn
        self.variants: list[str] = []
        super().__init__(database, replace(shop, url=wire.url))
        self.variant("cancel_pending_order")
        self.variant("modify_pending_order_address")

    # --- What is to be done.

    def variant(self, name: str, *, of: str = "", without: Sequence[str] = (), **changes: Any) -> str:
        """Publish a copy of a tool of the shop that settles soon, with changes; under a new name, bind it too."""
        known = {
            each["name"]: each["spec"] for each in yaml.safe_load_all((STORE / "tools.yaml").read_text())
        }
        quick = {"timeout": f"{TIMEOUT:g}s", "quiet": f"{TIMEOUT:g}s"}
        spec = {**known[of or name], **quick, **changes}
        spec = {key: value for key, value in spec.items() if key not in without}
        self.publish_text(yaml.safe_dump({"kind": "tool", "name": name, "spec": spec}))
        if of:
            self.variants.append(name)
            self.bind(
                tools=[
                    *READS,
                    *WRITES,
                    "observe.*",
                    "preview.change",
                    "transfer_to_human_agents",
                    *self.variants,
                ]
            )
        return name

    def begin(self, world: str, *lines: Line, **more: Any) -> Run:
        """Ask an agent to say these lines in a world."""
        script = [*lines, {"say": "Done."}]
        return self.ask(self.serving(script, grants=[*READS, *WRITES, *self.variants], **more), world)

    # --- Who does it.

    def worker(self, **variables: str) -> Spawned:
        """Start a worker and do not wait for it."""
        return self.spawn("work", "--name", f"worker-{next(names)}", variables={**USUAL, **variables})

    def working(self, **variables: str) -> Spawned:  # type: ignore[override]
        """A worker that has registered."""
        process = self.worker(**variables)
        process.says("worker.started")
        return process

    def working_here(self) -> AbstractContextManager[object]:
        """A worker inside of this process, for what needs no death."""
        return super().working()

    def replace(self, dead: Spawned, **variables: str) -> Spawned:
        """Kill a worker; another takes its place."""
        kill(dead)
        return self.working(**variables)

    def row(self, worker: Spawned) -> WorkerProcess:
        """What the database says of a worker."""
        assert worker.pid is not None
        return WorkerProcess.objects.get(pid=worker.pid)

    # --- What people do.

    def approve_all(self) -> None:
        """Approve whatever waits for a person."""
        for proposal in Proposal.objects.filter(state="pending"):
            decisions.approve(
                proposal.uid, by=self.reviewer, digest=bytes(proposal.digest), reason="it is right"
            )

    def find_out(self) -> None:
        """Answer every question whether a call happened, after a look at the shop's ledger."""
        asked = HumanTask.objects.filter(state="open", kind="unknown").select_related("toolcall__run__task")
        for task in asked:
            assert task.toolcall is not None
            world = str(task.toolcall.run.task.labels["world"])
            happened = task.toolcall.key in {effect["key"] for effect in self.shop.effects(world)}
            tasks.answer(uid=task.uid, by=self.operator, values={"happened": happened, "note": "the ledger"})

    # --- What comes of it.

    def approving(self, look: Callable[[], bool], *, what: str) -> None:
        """Wait for something, approving meanwhile."""

        def approve_and_look() -> bool:
            self.approve_all()
            return look()

        until(approve_and_look, within=PATIENCE, what=what)

    def ends(self, run: Run, state: str = "succeeded") -> Run:
        """Wait until the run has ended, approving meanwhile; so it must have."""
        self.approving(lambda: again(run).state == state, what=f"the end of run {run.pk}, {self.told(run)}")
        return again(run)

    def becomes(self, run: Run, *states: str) -> None:
        """Wait until the calls of a run are in these states."""
        until(
            lambda: self.told(run) == [*states], within=PATIENCE, what=f"calls {states}, not {self.told(run)}"
        )

    def sent(self, world: str) -> int:
        """How many writing requests have reached the wire."""
        return len(self.wire.sent("POST", f"/{world}/"))

    def begun(self, run: Run) -> int:
        """How many sendings of a run are written down, but those of which it is proven that they came too late."""
        return sum(one.outcome != "failed_clean" for one in self.sendings(run))

    def in_order(self) -> None:
        """Nothing is stuck, and the record tells the life of every row."""
        assert wrongs() == {}
        assert list(record.check({}, Count())) == []

    def sound(self) -> None:
        """The same; and the shop, the calls and the record agree."""
        self.in_order()
        found = ledger.faults(self.shop)
        assert found == [], "\n".join(found)
