"""A run in the hands of a worker: its steps as they stand, and what the next checkpoint will write.

Plain memory. `advance` decides, `checkpoint` writes, and after a failed write it is thrown away.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestra.canonical import Json
from orchestra.engine.history import History
from orchestra.errors import FailureClass
from orchestra.models import HumanTask, Run, Step
from orchestra.models.runs import WAITS
from orchestra.tools import registry
from orchestra.workflows.spec import Kind, Limits, StepSpec, WorkflowSpec

Key = tuple[str, int]
#: Where work is done: a step, and of a step that uses tools the place of the call; "" for the step itself.
Slot = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step's work did not succeed. `final`: trying again is of no use. `ended`: how an agent's part is over."""

    failure_class: FailureClass
    message: str
    final: bool = False
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do off the database: plain data in, plain data out.

    `place` names the call of a step that uses tools, `errand` is what is to be done for it.
    """

    run_id: int
    run: str
    fence: int
    key: Key
    kind: str
    name: str
    arguments: Json = None
    place: str = ""
    errand: Any = None

    @property
    def slot(self) -> Slot:
        """Where it is done."""
        return (*self.key, self.place)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The result of some work, as it came back: JSON of a step's work, or what its errand brings."""

    work: Work
    output: Any = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Work that a hand has or will have: since when (monotonic; not yet: infinite), and which attempt it is."""

    work: Work
    since: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Hop:
    """One planned move of a step."""

    target: str
    reason: str
    columns: dict[str, Any]


@dataclass(slots=True, eq=False)
class Node:
    """One step as the worker sees it: the row, if there is one, and the moves planned for it.

    `phase` is the state after those moves. A node in phase running without row and without moves is
    at work and not yet written down. Of a step that uses tools (`gated`): `due` says that `calls` must look at
    it, `fresh` that a new attempt begins (None: the rows must tell), `unwanted` why it is to be called off, `alarm` when to look again.
    """

    path: str
    item: int
    kind: str
    phase: str = "pending"
    row: Step | None = None
    output: Json = None
    input: Json = None
    attempt: int = 0
    deadline: datetime | None = None
    started: datetime | None = None
    failure: FailureClass | None = None
    error: str = ""
    first_reason: str = ""
    gated: bool = False
    due: bool = False
    fresh: bool | None = None
    unwanted: str = ""
    alarm: datetime | None = None
    hops: list[Hop] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Path and item index."""
        return (self.path, self.item)

    @property
    def slot(self) -> Slot:
        """Where its own work is done."""
        return (self.path, self.item, "")

    @property
    def name(self) -> str:
        """The step's name, without the round."""
        return self.path.partition("~")[0]

    @property
    def round(self) -> int:
        """Which round of a repeated step this is, from 1."""
        return int(self.path.partition("~")[2] or 1)

    @property
    def settled(self) -> bool:
        """Whether it will not change any more."""
        return self.phase in {"succeeded", "failed", "skipped", "cancelled"}

    @property
    def begun(self) -> bool:
        """Whether it ever began: what was skipped or called off before has not."""
        return self.attempt > 0 or (self.phase == "pending" and self.row is not None)

    def go(self, target: str, reason: str, **columns: Any) -> None:
        """Plan a move. What it waited for before is forgotten unless given again."""
        self.hops.append(Hop(target, reason, {**dict.fromkeys(WAITS), "attempt": self.attempt, **columns}))
        self.phase = target


def is_gated(spec: StepSpec) -> bool:
    """Whether a step's work goes through the gate: agents, and tools that are no reading functions of ours."""
    return spec.kind is Kind.AGENT or (
        spec.kind is Kind.TOOL and str(spec.settings["tool"]) not in registry.names()
    )


def wall_time(run: Run) -> timedelta:
    """How long it may take, by its own limits or by those of any workflow that says nothing."""
    return timedelta(seconds=float(run.limits.get("wall_time", Limits().wall_time)))


@dataclass(slots=True, eq=False)
class Ask:
    """A question to create: about one step, or about the whole run."""

    question: HumanTask
    group: str
    node: Node | None


@dataclass(slots=True, eq=False)
class Child:
    """A child run to create for a step, of the workflow of that name."""

    run: Run
    workflow: str
    node: Node


@dataclass(frozen=True, slots=True)
class Ending:
    """How the worker lets go of the run."""

    target: str
    reason: str
    columns: dict[str, Any]


@dataclass(slots=True, eq=False)
class Flight:
    """One run, held under a fence. `broken`: why it cannot go on by itself.

    `unread` says that this is because its version cannot be read: its `spec` is empty then.
    """

    run: Run
    spec: WorkflowSpec
    now: datetime
    seen: int = 0
    looked: bool = False
    halted: bool = False
    draining: bool = False
    woken: bool = False
    doubted: bool = False
    broken: str = ""
    unread: bool = False
    touched: float = field(default_factory=time.monotonic)
    nodes: dict[Key, Node] = field(default_factory=dict)
    at_work: dict[Slot, Job] = field(default_factory=dict)
    history: History | None = None
    results: list[Arrival] = field(default_factory=list)
    questions: dict[int, HumanTask] = field(default_factory=dict)
    children: dict[int, Run] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    taken: list[tuple[Job, Arrival]] = field(default_factory=list)
    begin: list[Work] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    starts: list[Child] = field(default_factory=list)
    closed: list[tuple[HumanTask, str, str]] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    ending: Ending | None = None
    alarm: datetime | None = None

    @property
    def worker(self) -> str:
        """Who writes, for the record."""
        return f"worker:{self.run.worker_id}"

    def clock(self) -> datetime:
        """The database's time, carried on by this machine's monotonic clock."""
        return self.now + timedelta(seconds=time.monotonic() - self.touched)

    def node(self, spec: StepSpec, path: str | None = None, item: int = Step.NO_ITEM) -> Node:
        """The node of a step, made when it is looked at first."""
        key = (path or spec.name, item)
        if key not in self.nodes:
            self.nodes[key] = Node(path=key[0], item=item, kind=str(spec.kind), gated=is_gated(spec))
        return self.nodes[key]

    def last_round(self, name: str) -> Node | None:
        """The newest round of a step; None when it has not been looked at."""
        if not self.spec.by_name[name].repeat:
            return self.nodes.get((name, Step.NO_ITEM))
        rounds = [node for node in self.nodes.values() if node.name == name and node.item == Step.NO_ITEM]
        return max(rounds, key=lambda node: node.round, default=None)

    def items(self, path: str) -> list[Node]:
        """The items of an `each`, by index."""
        return sorted(
            (node for node in self.nodes.values() if node.path == path and node.item != Step.NO_ITEM),
            key=lambda node: node.item,
        )

    def waiting(self) -> list[Node]:
        """Nodes that wait for something named."""
        return [node for node in self.nodes.values() if node.phase == "waiting"]

    def waits_for(self, node: Node, column: str) -> Any:
        """What a node with a row waits for, by the column's name; None when it waits for something else."""
        return getattr(node.row, column, None) if node.row is not None and not node.hops else None

    def waits_for_calls(self, node: Node) -> bool:
        """Whether a step that uses tools waits for its calls, and not for its next attempt or an escalation."""
        if not node.gated or node.phase != "waiting":
            return False
        question = self.questions.get(self.waits_for(node, "waits_humantask_id") or 0)
        if question is not None:
            return question.kind == "unknown"
        return node.row is not None and not node.row.failure_class

    def stir(self) -> None:
        """Every step that uses tools is to be looked at, but those that wait for another try."""
        for node in self.nodes.values():
            if (
                node.gated
                and node.row is not None
                and (node.phase == "running" or self.waits_for_calls(node))
            ):
                node.due = True

    def leave(self, node: Node) -> None:
        """Wait no longer for what is at work for a step, but for what may have an effect."""
        left = [
            slot for slot, job in self.at_work.items() if slot[:2] == node.key and job.work.kind != "send"
        ]
        for slot in left:
            del self.at_work[slot]
        self.begin = [work for work in self.begin if work.slot in self.at_work]

    @property
    def called_off(self) -> bool:
        """Whether somebody asked for the end of the run: cancelled, or to fail."""
        return self.run.cancel_requested_at is not None or bool(self.run.failure_class)

    def open_questions(self) -> list[HumanTask]:
        """The questions that are open, less those that the next checkpoint closes."""
        closed = {question.pk for question, _, _ in self.closed}
        return [q for q in self.questions.values() if q.state == "open" and q.pk not in closed]

    def begin_work(self, work: Work, attempt: int) -> None:
        """After the next commit a hand takes it."""
        self.at_work[work.slot] = Job(work, math.inf, attempt)
        self.begin.append(work)

    def busy(self, node: Node) -> bool:
        """Whether something is at work for a step or for one of its calls."""
        return any(slot[:2] == node.key for slot in self.at_work)

    def escalated(self) -> bool:
        """Whether a person must settle something before anything new may start."""
        return any(ask.question.kind == "escalation" for ask in self.asks) or any(
            question.kind == "escalation" for question in self.open_questions()
        )

    def unplan(self, node: Node) -> None:
        """Forget what was planned for a step and is not written yet; its work is not waited for any more."""
        node.hops.clear()
        self.at_work.pop(node.slot, None)
        self.begin = [work for work in self.begin if work.slot != node.slot]
        self.asks = [ask for ask in self.asks if ask.node is not node]
        self.starts = [child for child in self.starts if child.node is not node]

    def dirty(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.ending
            or self.asks
            or self.starts
            or self.closed
            or self.stopped
            or any(node.hops for node in self.nodes.values())
        )
