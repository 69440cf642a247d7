"""Smallest valid rows, born through `moves` as the app role. Refuses to go round a guard.

Each function makes what it needs and is not given. `state` walks the shortest legal way there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

from django.contrib.auth.models import Group
from django.db import models, transaction

from orchestra import canonical, moves, states
from orchestra.models import (
    Agent,
    AgentVersion,
    Approval,
    Budget,
    Deployment,
    Dispatch,
    Edit,
    Environment,
    Halt,
    HumanTask,
    Person,
    Policy,
    PolicyVersion,
    Proposal,
    Ruling,
    Run,
    ServiceAccount,
    Step,
    Task,
    Tool,
    ToolBinding,
    ToolCall,
    ToolVersion,
    Turn,
    User,
    WorkerProcess,
    Workflow,
    WorkflowVersion,
)

ACTOR = "system"
REASON = "made by a test"
SPEC: Mapping[str, Any] = {"name": "greet", "owner": "operators", "steps": []}
numbers = itertools.count(1)

Made = TypeVar("Made", bound=models.Model)


def now(seconds: float = 0.0) -> datetime:
    """The time in so many seconds."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def name(prefix: str) -> str:
    """A name that no other row has."""
    return f"{prefix}-{next(numbers)}"


def uid() -> UUID:
    """A new outside name."""
    return uuid4()


# --- People and what is published.


def person(called: str | None = None, **columns: Any) -> Person:
    """A human being."""
    return Person.objects.create(name=called or name("person"), **columns)


def user(of: Person | None = None, **columns: Any) -> User:
    """An account of a person."""
    return User.objects.create(username=name("user"), person=of or person(), **columns)


def service(**columns: Any) -> ServiceAccount:
    """A system that submits."""
    return ServiceAccount.objects.create(
        name=name("service"), owner=columns.pop("owner", None) or person(), **columns
    )


def group(called: str = "operators") -> Group:
    """One of the seeded groups, or a new one."""
    return Group.objects.get_or_create(name=called)[0]


def environment(called: str = "dev") -> Environment:
    """An environment, made once."""
    return Environment.objects.get_or_create(name=called)[0]


def version(
    spec: Mapping[str, Any] = SPEC, *, workflow: Workflow | None = None, **columns: Any
) -> WorkflowVersion:
    """A published version of a workflow, with the next number."""
    workflow = workflow or Workflow.objects.create(name=name("workflow"))
    return WorkflowVersion.objects.create(
        **{
            "workflow": workflow,
            "number": workflow.versions.count() + 1,
            "spec": dict(spec),
            "source": "",
            "digest": canonical.digest(dict(spec)),
            "author": columns.pop("author", None) or person(),
            **columns,
        }
    )


def deployment(of: WorkflowVersion | None = None, *, where: str = "dev", **columns: Any) -> Deployment:
    """A workflow in an environment."""
    of = of or version()
    place = environment(where)
    return Deployment.objects.create(workflow=of.workflow, environment=place, base_version=of, **columns)


def policyversion(**columns: Any) -> PolicyVersion:
    """A published policy."""
    policy = columns.pop("policy", None) or Policy.objects.create(name=name("policy"))
    given = {"number": 1, "document": {}, "source": "", "digest": bytes(32), "author": person(), **columns}
    return PolicyVersion.objects.create(policy=policy, **given)


def agentversion(**columns: Any) -> AgentVersion:
    """A published agent."""
    agent = columns.pop("agent", None) or Agent.objects.create(name=name("agent"), owner=person())
    given = {"number": 1, "model": "recorded", "digest": bytes(32), "author": person(), **columns}
    return AgentVersion.objects.create(agent=agent, **given)


def toolversion(**columns: Any) -> ToolVersion:
    """A published declaration of a tool."""
    tool = columns.pop("tool", None) or Tool.objects.create(name=name("tool"))
    given = {"number": 1, "declaration": {}, "digest": bytes(32), "author": person(), **columns}
    return ToolVersion.objects.create(tool=tool, **given)


def binding(of: ToolVersion | None = None, *, where: str = "dev", **columns: Any) -> ToolBinding:
    """A tool in an environment."""
    of = of or toolversion()
    return ToolBinding.objects.create(tool=of.tool, environment=environment(where), version=of, **columns)


# --- What runs.


def worker(**columns: Any) -> WorkerProcess:
    """A worker process that has just been seen. Nobody holds its lock."""
    given = {"name": name("worker"), "host": "here", "pid": 1, "slots": 10, "seen_at": now(), **columns}
    return WorkerProcess.objects.create(**given)


def task(of: Deployment | None = None, *, payload: object = None, **columns: Any) -> Task:
    """A request of a person."""
    payload = {} if payload is None else payload
    if "service" not in columns:
        columns.setdefault("requester", None)
        columns["requester"] = columns["requester"] or person()
    return Task.objects.create(
        deployment=of or deployment(),
        source="command",
        payload=payload,
        payload_digest=canonical.digest(payload),
        **columns,
    )


def run(of: Task | None = None, *, state: str = "queued", **columns: Any) -> Run:
    """A run of a task, due now."""
    of = of or task()
    given = {"input": of.payload, "due_at": now(), "version": of.deployment.base_version, **columns}
    return _born(Run(task=of, deployment=of.deployment, state="queued", **given), state)


def step(of: Run | None = None, path: str = "", *, state: str = "pending", **columns: Any) -> Step:
    """A step of a run."""
    of = of or run()
    given = {"kind": "python", "ordinal": of.steps.count(), "path": path or name("step"), **columns}
    return _born(Step(run=of, state="pending", **given), state)


def turn(of: Step | None = None, **columns: Any) -> Turn:
    """A model call of a step."""
    of = of or step(kind="agent")
    given = {"number": of.turns.count() + 1, **columns}
    return Turn.objects.create(
        run=of.run, step=of, agent_version=given.pop("agent_version", None) or agentversion(), **given
    )


def humantask(of: Run | None = None, *, state: str = "open", **columns: Any) -> HumanTask:
    """A question about a run."""
    of = of or run()
    given = {"kind": "form", "group": group(), "title": "Shall we?", **columns}
    return _born(HumanTask(run=of, deployment=of.deployment, state="open", **given), state)


def halt(*, state: str = "on", **columns: Any) -> Halt:
    """A kill switch; global unless a deployment or a run is given."""
    scope = next((name for name in ("deployment", "run") if columns.get(name)), "global")
    given = {"scope": scope, "reason": "a fire", "set_by": columns.pop("set_by", None) or person(), **columns}
    return _born(Halt(state="on", **given), state)


def budget(of: Run | None = None, **columns: Any) -> Budget:
    """A limit of a run."""
    return Budget.objects.create(run=of or run(), **{"resource": "steps", "limit": 10, **columns})


# --- Calls and what is decided about them.


def toolcall(of: Step | None = None, *, state: str = "proposed", **columns: Any) -> ToolCall:
    """A call of a step. Its authorisation, where it needs one: its approved proposal, or else an allowing ruling."""
    of = of or step()
    given = {
        "ordinal": of.toolcalls.count(),
        "tool_name": "refund",
        "arguments": {},
        "method": "POST",
        "path": "/refunds",
        "body": b"{}",
        "digest": canonical.digest({"call": next(numbers)}),
        **columns,
    }
    birth = "refused" if state == "refused" else "proposed"
    return _born(ToolCall(run=of.run, step=of, state=birth, **given), state)


def ruling(of: ToolCall | None = None, *, verdict: str = "allow", **columns: Any) -> Ruling:
    """What the policies said of a call."""
    of = of or toolcall()
    given = {"moment": "propose", "digest": of.digest, "context": b"{}", **columns}
    return Ruling.objects.create(toolcall=of, verdict=verdict, **given)


def proposal(of: ToolCall | None = None, *, state: str = "pending", **columns: Any) -> Proposal:
    """A question about a call; approved with as many votes as it asks for."""
    of = of or toolcall()
    asked = columns.pop("ruling", None) or ruling(of, verdict="review")
    given = {"digest": of.digest, "tier": 1, "sentence": "Refund 5.00 EUR", **columns}
    row = Proposal(toolcall=of, deployment=of.run.deployment, ruling=asked, state="pending", **given)
    return _born(row, state)


def approval(of: Proposal | None = None, by: Person | None = None, **columns: Any) -> Approval:
    """One person's vote."""
    of = of or proposal()
    given = {"digest": of.digest, "verdict": "approve", **columns}
    return Approval.objects.create(proposal=of, person=by or person(), **given)


def edit(of: Proposal | None = None, by: Person | None = None, **columns: Any) -> Edit:
    """What a reviewer wants done instead."""
    return Edit.objects.create(
        proposal=of or proposal(), person=by or person(), **{"arguments": {}, **columns}
    )


def dispatch(of: ToolCall | None = None, **columns: Any) -> Dispatch:
    """A sending of a call."""
    of = of or toolcall(state="dispatched")
    given = {
        "n": of.dispatches.count() + 1,
        "fence": 1,
        "digest": of.digest,
        "send_by": now(10),
        "settles_at": now(20),
        **columns,
    }
    return Dispatch.objects.create(toolcall=of, **given)


# --- Moving.


def walk(row: Made, state: str, **columns: Any) -> Made:
    """Move a row to a state by the shortest legal way, with the columns that each state needs."""
    moving = cast(moves.Moving, row)
    while moving.state != state:
        target = way(moves.machine_of(moving), moving.state, state)[0]
        with transaction.atomic():
            given = needed(row, target) | (columns if target == state else {})
            moves.move(moving, target, actor=ACTOR, reason=REASON, **given)
    return row


def way(machine: states.Machine, source: str, target: str) -> list[str]:
    """The states of the shortest legal way, its start left out."""
    ways = {source: list[str]()}
    for here in (queue := [source]):
        for there in machine.moves.get(here, {}):
            if there not in ways:
                ways[there] = [*ways[here], there]
                queue.append(there)
    return ways[target]


def needed(row: models.Model, target: str) -> dict[str, Any]:
    """Columns that a row needs when it goes to a state. Makes other rows that must be there."""
    return NEEDED[type(row)](row, target)


def _born(row: Made, state: str) -> Made:
    with transaction.atomic():
        moves.bear(row, actor=ACTOR, reason=REASON)
    return walk(row, state)


def _run(row: Any, target: str) -> dict[str, Any]:
    columns: dict[str, Any] = {"worker": None, "lease_until": None, "due_at": None}
    if target == "running":
        return {"worker": worker(), "lease_until": now(30), "fence": row.fence + 1}
    if target == "escalated":
        humantask(row, kind="escalation")
    if target == "queued":
        columns["due_at"] = now()
    if target in states.RUN.terminal:
        columns["finished_at"] = now()
    return columns | ({"failure_class": "bug"} if target == "failed" else {})


def _step(row: Any, target: str) -> dict[str, Any]:
    columns: dict[str, Any] = {"waits_event": "an event" if target == "waiting" else None}
    if target in states.STEP.terminal:
        columns["finished_at"] = now()
    return columns | ({"failure_class": "bug"} if target == "failed" else {})


def _toolcall(row: Any, target: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if target in {"approved", "dispatched"} and not row.ruling_id and not row.proposal_id:
        decided = Proposal.objects.filter(toolcall=row, state="approved").first()
        columns |= {"proposal": decided} if decided else {"ruling": ruling(row)}
    if target in states.TOOLCALL.terminal:
        columns["finished_at"] = now()
    return columns


def _proposal(row: Any, target: str) -> dict[str, Any]:
    if target == "approved":
        for _ in range(row.votes_needed - row.approvals.filter(verdict="approve").count()):
            approval(row)
    return {"decided_at": None if target == "pending" else now()}


def _humantask(row: Any, target: str) -> dict[str, Any]:
    if target == "open":
        return {"finished_at": None}
    return {"finished_at": now()} | ({"answered_by": person(), "answer": {}} if target == "answered" else {})


def _halt(row: Any, target: str) -> dict[str, Any]:
    return {"lifted_at": now(), "lifted_by": person()} if target == "lifted" else {"lifted_at": None}


NEEDED: Mapping[type[models.Model], Callable[[Any, str], dict[str, Any]]] = {
    Run: _run,
    Step: _step,
    ToolCall: _toolcall,
    Proposal: _proposal,
    HumanTask: _humantask,
    Halt: _halt,
}
