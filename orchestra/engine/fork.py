"""Starts a new run from a checkpoint of an old one: what was settled up to there is copied, the rest is done anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.audit.append import append
from orchestra.engine import cancel, claim, dispatch, halt, words
from orchestra.engine.connections import borrow
from orchestra.errors import Halted, Invalid, StaleState
from orchestra.models import Run, Step
from orchestra.people import roles
from orchestra.people.roles import Holder
from orchestra.states import TOOLCALL
from orchestra.workflows import graph
from orchestra.workflows.spec import Join, WorkflowSpec

COPIED = (
    "path", "item", "kind", "attempt", "input", "output", "failure_class", "error", "started_at",
    "finished_at",
)  # fmt: skip


def run(*, uid: UUID, checkpoint: int, by: Holder, reason: str, alone: bool = False) -> Run:
    """Fork a run that has ended or is escalated, after its `checkpoint`-th step (0: from the start).

    The new run has the same task, version and input. `alone`: unless another fork is at it, or has succeeded.
    Raises NotFound, StaleState (still at work, a child, not alone), Halted, Invalid.
    """
    reason = words.reason(reason)
    with borrow():
        original = cancel.lock(uid)
        _check(original, alone=alone)
        last = original.steps.count()
        if not 0 <= checkpoint <= last:
            raise Invalid(f"The run has checkpoints 0 to {last}, not {checkpoint}.")
        made = _copy(original, checkpoint)
        actor = roles.name_of(by)
        events = moves.born([made], actor=actor, reason=f"fork of {uid} at {checkpoint}: {reason}")
        events += moves.born(_steps(original, made, checkpoint), actor=actor, reason=f"copied from {uid}")
        append(events)
        dispatch.announce([made.pk])
    logs.event("run.forked", run=made.uid, original=uid)
    return made


def _check(original: Run, *, alone: bool) -> None:
    """Whether it can be forked; the caller holds its lock. The halt latch is held from here on."""
    if original.parent_run_id is not None:
        raise StaleState(
            "Another run started this one and does not wait for a new one: retry or fork that run."
        )
    if original.finished_at is None and original.state != "escalated":
        raise StaleState(
            "Only a run that has ended or is escalated can be forked: two would do the same work."
        )
    if original.toolcalls.filter(state__in=sorted(TOOLCALL.live)).exists():
        raise StaleState("A call of this run is not settled yet: both runs could do the same.")
    at_it = original.forks.filter(Q(finished_at__isnull=True) | Q(state="succeeded")).order_by("-pk")
    if alone and (other := at_it.first()) is not None:
        raise StaleState(f"It is being done again, or was, by run {other.uid}.")
    halt.share_latch()
    if halt.covers(original.pk):
        raise Halted("A halt covers this run. Lift it first: a fork must not lead round it.")


def _copy(original: Run, checkpoint: int) -> Run:
    return Run(
        task_id=original.task_id,
        deployment_id=original.deployment_id,
        version_id=original.version_id,
        forked_from=original,
        forked_at=checkpoint,
        state="queued",
        priority=original.priority,
        object_key=original.object_key,
        input=original.input,
        limits=original.limits,
        due_at=Now(),
        request_id=original.request_id,
        traceparent=original.traceparent,
    )


def _steps(original: Run, made: Run, checkpoint: int) -> list[Step]:
    """Copies of what succeeded or was skipped; failures are tried again, and so is what came of them.

    Items of an `each` come only with their parent.
    """
    rows = list(original.steps.order_by("ordinal"))
    copied = _standing(claim.spec_of(original.version_id), rows, checkpoint)
    return [
        Step(run=made, state=row.state, ordinal=ordinal, **{name: getattr(row, name) for name in COPIED})
        for ordinal, row in enumerate(copied, start=1)
    ]


def _standing(spec: WorkflowSpec, rows: Sequence[Step], checkpoint: int) -> list[Step]:
    """The rows up to the checkpoint that nothing which is done again could have made otherwise."""
    done = [row for row in rows if row.state in {"succeeded", "skipped"} and row.ordinal <= checkpoint]
    last = {_name(row): row for row in rows if row.item == Step.NO_ITEM}
    plan = graph.index(spec)
    kept: dict[str, str] = {}
    reached: set[str] = set()
    for node in plan.nodes:
        needs = [plan.nodes[at].name for at in node.needs]
        others = [plan.nodes[at].name for at in (*node.routes, *node.faults)]
        row = last.get(node.name)
        if all(name in kept for name in others) and _needs_stand(node, needs, row, kept):
            reached.add(node.name)
            if row in done and row is not None:
                kept[node.name] = row.state
    whole = {row.path for row in done if row.item == Step.NO_ITEM}
    return [row for row in done if _name(row) in reached and row.path in whole]


def _needs_stand(node: graph.Node, needs: Sequence[str], row: Step | None, kept: Mapping[str, str]) -> bool:
    """A race that was won needs its winners only."""
    if node.join is Join.FIRST and row is not None and row.state == "succeeded":
        return sum(kept.get(name) == "succeeded" for name in needs) >= node.count
    return all(name in kept for name in needs)


def _name(row: Step) -> str:
    return row.path.partition("~")[0]
