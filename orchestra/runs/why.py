"""Why a run does not go on right now, in one sentence, with the names of who can act. Reads only.

One reason is told, the one that a person can do something about first; `short` tells many runs in a few words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import Coalesce

from orchestra.engine import halt
from orchestra.models import (
    Approval,
    AuditEvent,
    Halt,
    HumanTask,
    Proposal,
    Run,
    Step,
    ToolCall,
    WorkerProcess,
)
from orchestra.runs import asked
from orchestra.runs.moments import clock
from orchestra.tools.sentences import visible

#: A worker that has not been seen for so long is taken for gone.
SILENT: Final = timedelta(seconds=10)
MOST_COUNTED: Final = 1_000
IN_FLIGHT: Final = ("dispatched", "unknown", "reconciling")
#: What a person can do something about comes first.
RANK: Final = Case(
    When(waits_proposal__isnull=False, then=Value(0)),
    When(waits_humantask__isnull=False, then=Value(1)),
    When(waits_event__isnull=False, then=Value(2)),
    When(waits_run__isnull=False, then=Value(3)),
    default=Value(4),
)


@dataclass(frozen=True, slots=True)
class Why:
    """The sentence, and where to act: the kind of thing (proposal, question, run, halt) and its id."""

    sentence: str
    kind: str = ""
    uid: UUID | None = None


def of(run: Run, now: datetime) -> Why | None:
    """Why the run stands where it stands at this moment; None when it has ended."""
    if run.finished_at is not None:
        return None
    return next(found for tell in REASONS if (found := tell(run, now)) is not None)


def short(runs: Iterable[Run], now: datetime) -> Mapping[int, str]:
    """A few words for each of these runs of a page (see `listing.page`) that has not ended, by the id of the run."""
    live = [run for run in runs if run.finished_at is None]
    waits = {step.run_id: step for step in _waits([run.pk for run in live if run.state == "waiting"])}
    return {run.pk: _short(run, waits.get(run.pk), now) for run in live}


def _short(run: Run, step: Step | None, now: datetime) -> str:
    if getattr(run, "is_halted", False):
        return "Halted"
    if run.cancel_requested_at is not None:
        return "Being cancelled"
    if run.state == "escalated":
        return f"Decision: {visible(getattr(run, 'asks', None) or 'what to do')}"
    if run.state == "running":
        return "At work"
    if step is not None and not _is_due(run, now):
        return _short_wait(step, now)
    return f"Due at {clock(run.due_at, now)}" if run.due_at is not None and run.due_at > now else "Due"


def _short_wait(step: Step, now: datetime) -> str:
    if step.waits_proposal is not None:
        return f"Approval: {step.waits_proposal.sentence}"
    if step.waits_humantask is not None:
        return f"{step.waits_humantask.group.name}: {visible(step.waits_humantask.title)}"
    if step.waits_run is not None:
        return f"A run of {step.waits_run.deployment}"
    if step.waits_event is not None:
        return f"Event {visible(step.waits_event)}"
    return f"Until {clock(step.waits_until, now)}" if step.waits_until else ""


# --- The reasons, the strongest first.


def _halted(run: Run, now: datetime) -> Why | None:
    if not getattr(run, "is_halted", True):
        return None
    halts = list(halt.covering(run).select_related("set_by").order_by("created_at")[:3])
    if not halts:
        return None
    row = halts[0]
    more = f", and {len(halts) - 1} more" if len(halts) > 1 else ""
    held = (
        "A worker still ends what is in flight; then it stands still" if run.state == "running" else "Halted"
    )
    said = f"{held}: {_scope(row)} by {row.set_by} since {clock(row.created_at, now)}{more} (“{visible(row.reason)}”)."
    return Why(said, "halt", row.uid)


def _scope(row: Halt) -> str:
    return {"global": "everything is halted", "deployment": "its deployment is halted"}.get(
        row.scope, "a run halt is on"
    )


def _cancelled(run: Run, now: datetime) -> Why | None:
    if run.cancel_requested_at is None:
        return None
    by, other = run.cancel_requested_by, "Its parent" if run.parent_run_id is not None else "A system"
    asked_for = f"{by or other} asked to cancel it at {clock(run.cancel_requested_at, now)}"
    flying = ToolCall.objects.filter(run=run, state__in=IN_FLIGHT)[: MOST_COUNTED + 1].count()
    if flying:
        calls = "one call is in flight and has" if flying == 1 else f"{flying} calls are in flight and have"
        return Why(f"{asked_for}; {calls} to settle first.")
    return Why(f"{asked_for}; {_next_worker(now)} ends it.")


def _escalated(run: Run, now: datetime) -> Why | None:
    if run.state != "escalated":
        return None
    question = next(iter(_escalations([run.pk])), None)
    return None if question is None else _question(question, now)


def _running(run: Run, now: datetime) -> Why | None:
    if run.state != "running":
        return None
    worker = run.worker.name if run.worker is not None else "nobody"
    if run.lease_until is not None and run.lease_until < now:
        return Why(f"Worker {worker} fell silent while it had this run; another takes it over.")
    claimed = AuditEvent.objects.filter(chain=run.uid, kind="run", target="running").order_by("-seq")
    since = claimed.values_list("at", flat=True).first() or run.started_at or run.created_at
    paths = Step.objects.filter(run=run, state="running").order_by("ordinal")[:3]
    busy = " and ".join(visible(str(step)) for step in paths)
    return Why(f"Worker {worker} has had it since {clock(since, now)}{f'; at work: {busy}' if busy else ''}.")


def _queued(run: Run, now: datetime) -> Why | None:
    """Due: how many come first. Also a waiting run to which something has come."""
    if not _is_due(run, now):
        return None if run.state == "waiting" else Why(f"Is due at {clock(run.due_at or now, now)}.")
    before = Q(priority__gt=run.priority) | Q(priority=run.priority, due_at__lt=run.due_at)
    rows = Run.objects.filter(before, state__in=["queued", "waiting"], due_at__lte=now)
    ahead = rows.exclude(pk=run.pk)[: MOST_COUNTED + 1].count()
    behind = f"behind {f'{MOST_COUNTED}+' if ahead > MOST_COUNTED else ahead} other{'s' if ahead > 1 else ''}"
    return Why(f"Is due{f', {behind}' if ahead else ''}; {_next_worker(now)} takes it.")


def _waiting(run: Run, now: datetime) -> Why | None:
    step = next(iter(_waits([run.pk])), None)
    if step is None:
        return None
    others = int(getattr(step, "waiting", 1)) - 1
    found = _wait(step, now)
    more = f" {others} other step{'s wait' if others > 1 else ' waits'} too." if others else ""
    return Why(found.sentence + more, found.kind, found.uid)


def _unknown(run: Run, now: datetime) -> Why:
    due = f" It is looked at again at {clock(run.due_at, now)}." if run.due_at is not None else ""
    return Why(f"Nothing of it is open that anybody could do.{due}")


Reason = Callable[[Run, datetime], Why | None]
REASONS: Final[Sequence[Reason]] = (
    _halted, _cancelled, _escalated, _running, _queued, _waiting, _unknown,
)  # fmt: skip


# --- What a step waits for.


def _wait(step: Step, now: datetime) -> Why:
    if step.waits_proposal is not None:
        return _proposal(step.waits_proposal, getattr(step, "votes", 0), now)
    if step.waits_humantask is not None:
        return _question(step.waits_humantask, now)
    if step.waits_run is not None:
        return _child(step.waits_run)
    return Why(_hour(step, now))


def _hour(step: Step, now: datetime) -> str:
    """What a step waits for that comes by itself."""
    name = visible(str(step))
    if step.waits_event is not None:
        return f"Step {name} waits for the event {visible(step.waits_event)}."
    at = clock(step.waits_until or now, now)
    if step.failure_class:
        return f"Step {name} is tried again at {at}; try {step.attempt} failed: {visible(step.error)}"
    if step.kind == "wait":
        return f"Step {name} waits until {at}."
    return f"Step {name} looks at {at} what has become of a call that got no answer."


def _proposal(proposal: Proposal, votes: int, now: datetime) -> Why:
    said = f"“{proposal.sentence}”"
    if proposal.effective_at is not None and proposal.effective_at > now:
        return Why(
            f"Approved: {said} counts from {clock(proposal.effective_at, now)}.", "proposal", proposal.uid
        )
    missing = max(1, proposal.votes_needed - votes)
    wanted = (
        "an approval"
        if proposal.votes_needed == 1
        else "one more approval"
        if missing == 1
        else f"{missing} approvals"
    )
    names = asked.named(asked.deciders(proposal))
    until = f", until {clock(proposal.expires_at, now)}" if proposal.expires_at is not None else ""
    if not names:
        lack = f"Waits for {wanted} of {said}, and nobody may give it: somebody needs the right to review here{until}."
        return Why(lack, "proposal", proposal.uid)
    return Why(f"Waits for {wanted} of {said} by {names}{until}.", "proposal", proposal.uid)


def _question(question: HumanTask, now: datetime) -> Why:
    group = question.group.name
    names = asked.named(asked.members(group))
    who = f"{group} ({names})" if names else f"{group}, a group that nobody is in"
    until = f", until {clock(question.expires_at, now)}" if question.expires_at is not None else ""
    wanted = {"form": "an answer to", "unknown": "somebody to find out"}.get(question.kind, "a decision on")
    said = f"Waits for {wanted} “{visible(question.title)}” by {who}{until}."
    return Why(said, "question", question.uid)


def _child(child: Run) -> Why:
    return Why(f"Waits for a run of {child.deployment}, which is {child.state}.", "run", child.uid)


# --- Rows.


def _waits(runs: Sequence[int]) -> QuerySet[Step] | list[Step]:
    """Of each of these runs the waiting step that is to be told, with how many there are as `waiting`."""
    if not runs:
        return []
    rows = Step.objects.filter(run__in=runs, state="waiting").select_related(
        "waits_proposal__ruling",
        "waits_proposal__deployment__workflow",
        "waits_proposal__deployment__environment",
        "waits_proposal__toolcall__run__task__service",
        "waits_proposal__toolcall__turn__agent_version__agent",
        "waits_humantask__group",
        "waits_run__deployment__workflow",
        "waits_run__deployment__environment",
    )
    votes = Approval.objects.filter(
        proposal=OuterRef("waits_proposal"), verdict="approve", withdrawn_at__isnull=True
    ).order_by()
    number = votes.values("proposal").annotate(number=Count("pk")).values("number")
    rows = rows.annotate(
        waiting=Window(Count("pk"), partition_by=F("run_id")), votes=Coalesce(Subquery(number), 0)
    )
    return rows.order_by("run_id", RANK, "ordinal").distinct("run_id")


def _escalations(runs: Sequence[int]) -> QuerySet[HumanTask] | list[HumanTask]:
    """Of each of these runs the oldest open escalation."""
    if not runs:
        return []
    rows = HumanTask.objects.filter(run__in=runs, state="open", kind="escalation").select_related("group")
    return rows.order_by("run_id", "pk").distinct("run_id")


def _is_due(run: Run, now: datetime) -> bool:
    return run.state in {"queued", "waiting"} and run.due_at is not None and run.due_at <= now


def _next_worker(now: datetime) -> str:
    alive = WorkerProcess.objects.filter(stopped_at__isnull=True, seen_at__gt=now - SILENT).exists()
    return "the next free worker" if alive else "no worker is alive now; the first one that starts"
