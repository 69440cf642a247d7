"""Settles what is in doubt: calls whose sender died, calls without a readable answer, calls that nobody wants any more.

Refuses to conclude anything from silence before its time, and to send again what has no key.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.contracts import Delivery, Effect
from orchestra.engine import checkpoint, execute, outbox, questions, resolve, retry
from orchestra.engine.case import Case, remembered
from orchestra.engine.draws import draw
from orchestra.engine.execute import Passing
from orchestra.engine.history import settled
from orchestra.errors import FailureClass
from orchestra.models import Dispatch, HumanTask, Outcome, Proposal, Question, ToolCall
from orchestra.states import TOOLCALL
from orchestra.tools import rendering, toolbox
from orchestra.tools.templates import ARGUMENTS
from orchestra.workflows.spec import Retry

#: How a call is sent again of which it is proven that nothing happened.
CLEAN: Final = Retry(attempts=3, first_wait=1.0, factor=3.0, longest_wait=30.0)
#: A key is trusted no longer than this many seconds before its declared life ends.
MARGIN: Final = 60.0
DIED: Final = "Its worker died or stopped, so nobody heard the answer."
#: What can still be called off.
UNSENT: Final = frozenset({"proposed", "awaiting_approval", "approved", "failed_clean"})


def orphan(case: Case, call: ToolCall) -> datetime | None:
    """A call that was being sent when its worker died: when it may be concluded; None when that is done."""
    dispatch = call.dispatches.order_by("-n")[0]
    if dispatch.settles_at > case.flight.clock():
        return dispatch.settles_at
    repeat = not _unwanted(case) and _repeatable(case, call)
    if repeat and not case.around.is_open:
        return dispatch.settles_at  # looked at again when the halt is lifted
    execute.close(case, dispatch, Outcome.UNKNOWN)
    logs.event("call.orphaned", level=logs.WARNING, run=case.flight.run.uid, tool=call.tool_name)
    told = {"error": DIED, "failure_class": str(FailureClass.LOST_WORKER)}
    case.move(call, "unknown", reason="its worker died before the answer", **told)
    if repeat:
        _repeat(case, call)
    return None


def once_more(case: Case, call: ToolCall) -> datetime | None:
    """A call in doubt whose last sending did not leave: when to repeat it under its key; None when nobody will."""
    last: Dispatch = call.dispatches.order_by("-n")[0]
    if last.outcome != Outcome.FAILED_CLEAN or last.n >= CLEAN.attempts or _unwanted(case):
        return None
    if not _repeatable(case, call) or HumanTask.objects.filter(toolcall=call, kind=Question.UNKNOWN).exists():
        return None
    until = (last.finished_at or last.created_at) + timedelta(seconds=_pause(call, last.n))
    if until > case.flight.clock() or not case.around.is_open:
        return until
    _repeat(case, call)
    return None


def _repeat(case: Case, call: ToolCall) -> None:
    """Send the same bytes again; the caller holds the halt latch."""
    execute.gate(Passing(case, call, case.tool(call.tool_name), remembered(call), again=True))


def _unwanted(case: Case) -> bool:
    return bool(case.node.unwanted) or case.flight.called_off


def _repeatable(case: Case, call: ToolCall) -> bool:
    """Whether sending the same bytes again cannot do anything twice: a read, or a key that still lives."""
    if call.effect == Effect.READ:
        return True
    declaration = toolbox.declared(call.tool_version_id) if call.tool_version_id is not None else None
    if declaration is None or call.delivery != Delivery.KEY or declaration.key_life is None:
        return False
    first: Dispatch = call.dispatches.order_by("n")[0]
    return case.flight.clock() < first.created_at + timedelta(seconds=declaration.key_life - MARGIN)


def again(case: Case, call: ToolCall) -> datetime | None:
    """A call of which it is proven that nothing happened: when to try again; None when something was decided."""
    proposal = Proposal.objects.filter(pk=call.proposal_id).first() if call.proposal_id is not None else None
    if (
        proposal is not None
        and proposal.expires_at is not None
        and proposal.expires_at <= case.flight.clock()
    ):
        case.move(call, "expired", reason="the approval has run out", finished_at=Now())
        return None
    last: Dispatch = call.dispatches.order_by("-n")[0]
    if last.n >= CLEAN.attempts:
        case.move(call, "failed", reason=f"nothing was sent in {last.n} tries", finished_at=Now())
        return None
    until = (last.finished_at or last.created_at) + timedelta(seconds=_pause(call, last.n))
    if until > case.flight.clock():
        return until
    case.move(call, "approved", reason="to be sent again")
    return None


def _pause(call: ToolCall, n: int) -> float:
    """Jittered, and the same for whoever asks: the draw is made from the call's random name."""
    return retry.delay(CLEAN, n, draw(call.uid.bytes, bytes([n])))


def question(case: Case, call: ToolCall) -> HumanTask | None:
    """The question to people whether a call happened, asked now if nobody has; None once it is answered."""
    asked = HumanTask.objects.filter(toolcall=call, kind=Question.UNKNOWN).select_related("answered_by")
    found = asked.order_by("-pk").first()
    if found is not None and found.state == "answered":
        _settle(case, call, found)
        return None
    if found is not None and found.state == "open":
        return found
    made = questions.unknown(case.flight, case.node, call, _sent(call))
    made.group_id = checkpoint.group_id(case.flight.spec.owner)
    made.step = case.step
    case.events += moves.born([made], actor=case.flight.worker, reason="nobody knows whether it happened")
    case.news.append(outbox.asked(made, case.flight.spec.owner))
    case.flight.questions[made.pk] = made
    return made


def _sent(call: ToolCall) -> dict[str, Any]:
    """What helps to find out: what was sent when and where, and how it ended."""
    own = toolbox.declared(call.tool_version_id) if call.tool_version_id is not None else None
    hidden = [*(own.redact if own is not None else ()), *_ruled(call)]
    path = "" if any(place.startswith(ARGUMENTS) for place in hidden) else call.path
    return {
        "call": str(call.uid),
        "tool": call.tool_name,
        "sentence": rendering.sentence(own, call.arguments, hidden) if own is not None else "",
        "request": f"{call.method} {call.target}{path}",
        "key": call.key,
        "error": call.error,
        "sent": [
            {
                "n": one.n,
                "at": one.created_at.isoformat(),
                "send_by": one.send_by.isoformat(),
                "status": one.status,
            }
            for one in call.dispatches.order_by("n")
        ],
    }


def _ruled(call: ToolCall) -> list[str]:
    """What the rules keep from people of a call that they were asked about."""
    asked = Proposal.objects.filter(toolcall=call).values_list("requirements", flat=True).first() or {}
    return asked.get("redact") or []


def _settle(case: Case, call: ToolCall, task: HumanTask) -> None:
    answer = task.answer or {}
    happened = answer.get("happened") is True
    who = task.answered_by.name if task.answered_by is not None else ""
    case.move(
        call,
        "settled_done" if happened else "settled_not_done",
        actor=f"person:{who}",
        reason=str(answer.get("note") or "a person found out"),
        error="" if happened else str(answer.get("note") or ""),
        result=answer.get("result"),
        finished_at=Now(),
    )


def call_off(case: Case, reason: str) -> bool:
    """Call off every call of the step that can be; whether none is left that must settle first."""
    left = False
    for call in case.talk.calls:
        if call.state in UNSENT:
            _call_off(case, call, reason)
        left |= not settled(call) and call.state not in TOOLCALL.terminal
    return not left


def _call_off(case: Case, call: ToolCall, reason: str) -> None:
    pending = Proposal.objects.filter(toolcall=call, state="pending").select_for_update().first()
    if pending is not None:
        pending.toolcall = call
        case.move(pending, "cancelled", reason=reason, decided_at=Now())
    failure = str(FailureClass.CANCELLED)
    case.move(call, "cancelled", reason=reason, error=reason, failure_class=failure, finished_at=Now())


def lapse(case: Case, call: ToolCall) -> tuple[Proposal, datetime | None]:
    """The proposal of a call that waits for people, closed if its time has come; and when to look again."""
    proposal = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("deployment", "ruling")
        .get(toolcall=call)
    )
    proposal.toolcall = call
    if proposal.state == "pending":
        case.flush()
        now = case.flight.clock()
        if proposal.expires_at is not None and proposal.expires_at <= now:
            resolve.expire(proposal)
        elif proposal.effective_at is not None and proposal.effective_at <= now:
            resolve.mature(proposal)
    moments = [proposal.expires_at, proposal.effective_at]
    return proposal, min((m for m in moments if m is not None and m > case.flight.clock()), default=None)
