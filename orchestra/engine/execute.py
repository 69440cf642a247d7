"""The gate: the only way to a foreign system. It checks everything anew, writes the sending down, then a hand sends.

Also takes down what came of it. Refuses to send anything but the stored bytes under a live authorisation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models.functions import Now

from orchestra import logs, moves
from orchestra.contracts import Delivery, Effect, Judgement, Reply, SendFailure, Verdict
from orchestra.engine import budgets, propose, resolve, situation
from orchestra.engine.case import Case, Intent, Reading
from orchestra.engine.errands import Access, Send
from orchestra.engine.history import place
from orchestra.errors import Bug, FailureClass, Invalid
from orchestra.models import Dispatch, Moment, Outcome, Proposal, Resource, ToolCall
from orchestra.policies import judge, requirements
from orchestra.tools import rendering, replies, toolbox
from orchestra.tools.declarations import Declaration
from orchestra.tools.toolbox import Equipped

#: Of the body of a reply so much is kept (bytes); the result, read from all of it, is kept whole.
KEPT_OF_REPLY: Final = 65_536
#: Statuses by which a system turns a request away before it looks at its key.
AT_THE_DOOR: Final = frozenset({401, 403})
#: What the gate goes by, read anew under the lock.
STORED: Final = (
    *("method", "path", "headers", "body", "digest", "target", "credential", "witness", "key"),
    *("arguments", "tool_version_id", "ruling_id", "proposal_id"),
)


@dataclass(frozen=True, slots=True)
class Passing:
    """A call at the gate: its tool as it is now, and what has been read for it just now.

    `again`: it was sent before and nobody knows what came of it; only the same key makes that harmless.
    """

    case: Case
    call: ToolCall
    equipped: Equipped | None
    seen: Reading
    again: bool = False

    @property
    def tool(self) -> Equipped:
        """The tool, once it is known that it is there."""
        if self.equipped is None:
            raise Bug("A tool that is not bound was let as far as the gate.")
        return self.equipped


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call does not pass, and the state that it goes to."""

    state: str
    reason: str
    failure: FailureClass = FailureClass.PRECONDITION


def gate(passing: Passing) -> bool:
    """Let a call pass, or say why not; whether it passes. After the commit a hand sends it.

    The caller holds the lock of the run and the halt latch, and has seen that nothing is halted.
    """
    case, call = passing.case, passing.call
    _lock(call)
    for check in CHECKS:
        if (refusal := check(passing)) is not None:
            _refuse(passing, refusal)
            return False
    if not _judged_again(passing):
        return False
    _send(passing)
    logs.event("call.dispatched", run=case.flight.run.uid, tool=call.tool_name, call=call.uid)
    return True


def _lock(call: ToolCall) -> None:
    """Lock the row, and go by what is stored and not by what we remember."""
    stored = ToolCall.objects.select_for_update(of=("self",)).get(pk=call.pk, state=call.state)
    for name in STORED:
        setattr(call, name, getattr(stored, name))


def _is_bound(it: Passing) -> Refusal | None:
    """The tool is there, in the version and at the place that the call was made for."""
    if it.equipped is None:
        return Refusal("stale", "the tool is not bound here any more")
    if it.equipped.version_id != it.call.tool_version_id:
        return Refusal("stale", "the tool's declaration has changed")
    try:
        target = toolbox.address(it.equipped, it.case.around.labels)
    except Invalid as error:
        return Refusal("stale", f"the tool's address is not known any more: {error.message}")
    if target.origin != it.call.target:
        return Refusal("stale", "the tool's address has changed")
    if it.equipped.credential != it.call.credential:
        return Refusal("stale", "the tool would act under another credential")
    return None


def _is_of_this_life(it: Passing) -> Refusal | None:
    """What was decided before the database was restored may have been done already: it is asked about again."""
    restored = not it.call.key.startswith(f"{it.case.around.epoch}-")
    return Refusal("stale", "the database was restored since it was decided on") if restored else None


def _is_whole(it: Passing) -> Refusal | None:
    """Every byte is the one that the digest was taken of."""
    declared = toolbox.digest(it.call.tool_version_id)
    found = propose.digest(it.case, it.call, declared, propose.witness(it.call.witness))
    return None if found == bytes(it.call.digest or b"") else _tampered(it)


def _is_as_said(it: Passing) -> Refusal | None:
    """The bytes are what the arguments come to at the tool's address: people and rules have read the arguments."""
    kept, prefix = propose.stored(it.call), toolbox.address(it.tool, it.case.around.labels).prefix
    try:
        request = rendering.render(it.tool.declaration, it.call.arguments, prefix=prefix, key=it.call.key)
    except Invalid:
        return _tampered(it)
    if request == kept:
        return None
    moved = replace(request, path=kept.path) == kept
    return Refusal("stale", "the tool's address has changed") if moved else _tampered(it)


def _tampered(it: Passing) -> Refusal:
    logs.event("gate.tampered", level=logs.ERROR, run=it.case.flight.run.uid, call=it.call.uid)
    return Refusal("denied", "the stored request is not the one that was decided on", FailureClass.BUG)


def _is_wanted(it: Passing) -> Refusal | None:
    """Whoever asked may still ask here, and the agent may still use the tool."""
    if it.call.tool_name not in it.case.allowed:
        return Refusal("denied", judge.NO_GRANT.message, FailureClass.GRANT_BLOCK)
    if said := it.case.around.denied_to_requester:
        return Refusal("denied", said, FailureClass.GRANT_BLOCK)
    return None


def _is_authorised(it: Passing) -> Refusal | None:
    """The proposal that authorises it is approved for these bytes, in time, by enough persons who may decide now."""
    proposal = _proposal(it.call)
    if proposal is None:
        return None  # then a ruling does; the database insists on one or the other
    if proposal.expires_at is not None and proposal.expires_at <= it.case.flight.clock():
        return Refusal("expired", "the approval has run out", FailureClass.LIMIT)
    if bytes(proposal.digest) != bytes(it.call.digest or b""):
        return Refusal("denied", "the approval is for other bytes", FailureClass.BUG)
    if not resolve.satisfied(proposal, resolve.standing(proposal)):
        return Refusal("superseded", "not enough of those who agreed may decide now")
    return None


def _is_as_seen(it: Passing) -> Refusal | None:
    """What the call was judged on is still so. Of one that was sent before, it may have changed this itself."""
    if it.again:
        return None
    if it.seen.observed is None:
        return Refusal("stale", "what it was judged on could not be read again")
    if propose.witness(it.seen.witnessed) == propose.witness(it.call.witness):
        return None
    return Refusal("stale", "what it was judged on has changed")


CHECKS: Final[Sequence[Callable[[Passing], Refusal | None]]] = (
    _is_of_this_life,
    _is_whole,
    _is_bound,
    _is_as_said,
    _is_wanted,
    _is_authorised,
    _is_as_seen,
)


def _judged_again(it: Passing) -> bool:
    """The strictest of what was said then and what the policies say now must be satisfied."""
    case, call = it.case, it.call
    edited = call.parent is not None and call.edited_by_id != call.parent.edited_by_id
    intent = Intent(place(call), call.tool_name, call.arguments, call.parent, call.edited_by, edited)
    action = situation.action(case, intent, it.tool.declaration, it.seen)
    judgement = judge.strictest(propose.before(call), propose.ruled(case, call, action))
    ruling = propose.write(call, judgement, action, Moment.GATE)
    if judgement.verdict is Verdict.ALLOW or _votes_satisfy(case, call, judgement):
        return True
    if it.again:
        return False
    if judgement.verdict is Verdict.DENY:
        propose.deny(case, call, judgement)
    elif _proposal(call) is None:
        propose.follow(case, call, judgement, ruling, it.tool, it.seen)
    else:
        _refuse(it, Refusal("superseded", "the rules want more than was asked for"))
    return False


def _votes_satisfy(case: Case, call: ToolCall, judgement: Judgement) -> bool:
    """Whether the votes that stand are enough for what the rules ask now."""
    proposal = _proposal(call)
    if proposal is None or judgement.verdict is not Verdict.REVIEW:
        return False
    wanted = requirements.written(judgement.requirements)
    if _too_old(case, proposal, judgement) or resolve.turned_down(proposal, wanted):
        return False
    rules: Any = judge.told(judgement.hits)
    return resolve.satisfied(proposal, resolve.standing(proposal, wanted, rules), wanted)


def _too_old(case: Case, proposal: Proposal, judgement: Judgement) -> bool:
    """Whether the rules now give such a question less time than has passed."""
    allowed = judgement.requirements.expires_in
    return allowed is not None and proposal.created_at + timedelta(seconds=allowed) <= case.flight.clock()


def _proposal(call: ToolCall) -> Proposal | None:
    """The proposal that authorises the call."""
    if call.proposal_id is None:
        return None
    rows = Proposal.objects.select_for_update(of=("self",)).select_related("deployment", "ruling")
    proposal = rows.get(pk=call.proposal_id)
    proposal.toolcall = call
    return proposal


def _refuse(it: Passing, refusal: Refusal) -> None:
    """Move the call to where the refusal says; one that was sent before stays in doubt."""
    logs.event("call.held", run=it.case.flight.run.uid, state=refusal.state, call=it.call.uid)
    if it.again:
        it.case.events.append(
            moves.noted(it.call, actor=it.case.flight.worker, reason=f"not sent again: {refusal.reason}")
        )
        return
    it.case.move(
        it.call,
        refusal.state,
        reason=refusal.reason,
        error=f"Not sent: {refusal.reason}.",
        failure_class=str(refusal.failure),
        finished_at=Now(),
    )


def _send(it: Passing) -> None:
    """Write the sending down; the transaction that does so is the last word."""
    case, call, run = it.case, it.call, it.case.flight.run
    declaration = it.tool.declaration
    n = call.dispatches.count() + 1
    budgets.reserve(case, Resource.TOOL_CALLS, budgets.of_sending(call, n))
    send_by = case.flight.clock() + timedelta(seconds=settings.SEND_WINDOW)
    Dispatch.objects.create(
        toolcall=call,
        n=n,
        fence=run.fence,
        worker_id=run.worker_id,
        key=call.key,
        digest=call.digest,
        send_by=send_by,
        settles_at=send_by + timedelta(seconds=_silence(declaration)),
        request_id=run.request_id,
        traceparent=run.traceparent,
    )
    case.move(call, "dispatched", reason=f"sending {n}")
    access = Access(it.tool, toolbox.address(it.tool, case.around.labels))
    errand = Send(access, propose.stored(call), time.monotonic() + settings.SEND_WINDOW)
    case.begin("send", call.tool_name, place(call), errand)


def _silence(declaration: Declaration) -> float:
    """Seconds after the last moment to send, before anything may be concluded from silence."""
    if declaration.effect is Effect.READ:
        return 0.0
    if declaration.delivery is Delivery.KEY:
        return declaration.timeout  # it is repeated under its key, so that nothing more has to be waited for
    return declaration.timeout + declaration.quiet_period


def record(case: Case, call: ToolCall, reply: Reply | SendFailure) -> None:
    """Take down what came of the last sending. A sending that somebody else has concluded is left alone."""
    dispatch = call.dispatches.order_by("-n").first()
    if dispatch is None or call.state != "dispatched" or dispatch.fence != case.flight.run.fence:
        return
    settled = replies.outcome(toolbox.declared(call.tool_version_id), reply)
    columns = (
        {"status": reply.status, "reply": reply.body[:KEPT_OF_REPLY]} if isinstance(reply, Reply) else {}
    )
    outcome = Outcome(str(settled.outcome))
    close(case, dispatch, outcome, **columns)
    if _leaves_doubt(call, outcome, reply):
        outcome = Outcome.UNKNOWN
    late = isinstance(reply, SendFailure) and reply.timed_out
    finish(case, call, outcome, settled.result, settled.error, late=late)


def _leaves_doubt(call: ToolCall, outcome: Outcome, reply: Reply | SendFailure) -> bool:
    """Whether a sending before this one may have happened: that this one did nothing says nothing of that one."""
    if call.effect == Effect.READ or not call.dispatches.filter(outcome=Outcome.UNKNOWN).exists():
        return False
    turned_away = isinstance(reply, Reply) and reply.status in AT_THE_DOOR
    return outcome is Outcome.FAILED_CLEAN or (outcome is Outcome.FAILED and turned_away)


def close(case: Case, dispatch: Dispatch, outcome: Outcome, **columns: object) -> None:
    """A sending is over: what was set aside for it is used, unless nothing was sent."""
    budgets.settle(
        case, budgets.of_sending(dispatch.toolcall, dispatch.n), used=outcome is not Outcome.FAILED_CLEAN
    )
    Dispatch.objects.filter(pk=dispatch.pk, outcome="").update(outcome=outcome, finished_at=Now(), **columns)


def finish(
    case: Case, call: ToolCall, outcome: Outcome, result: object, error: str, *, late: bool = False
) -> None:
    """Move the call to what came of it."""
    failure = FailureClass.TOOL_TIMEOUT if late else FailureClass.TOOL_ERROR
    if outcome is Outcome.SUCCEEDED:
        case.move(call, "succeeded", reason="the system answered", result=result, finished_at=Now())
    elif outcome is Outcome.FAILED:
        refused = FailureClass.TOOL_REFUSED if call.effect != Effect.READ else failure
        told: dict[str, Any] = {
            "error": error,
            "failure_class": str(refused),
            "result": result,
            "finished_at": Now(),
        }
        case.move(call, "failed", reason="the system answered no", **told)
    elif outcome is Outcome.FAILED_CLEAN:
        case.move(call, "failed_clean", reason="nothing was sent", error=error, failure_class=str(failure))
    else:
        case.move(call, "unknown", reason="no answer that tells", error=error, failure_class=str(failure))
    logs.event("call.settled", run=case.flight.run.uid, outcome=str(outcome), tool=call.tool_name)
