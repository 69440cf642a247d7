"""What operators do to a run: cancel it, try it again, fork it. The right is checked here, the rest is the engine's."""

from __future__ import annotations

from uuid import UUID

from orchestra.engine import cancel as engine_cancel
from orchestra.engine import fork as engine_fork
from orchestra.engine import tasks, words
from orchestra.engine.connections import borrow
from orchestra.errors import NotAllowed, StaleState
from orchestra.models import HumanTask, Person, Run
from orchestra.people.roles import Holder
from orchestra.runs import listing

RIGHT = "operate"
WHY = "Say why: it is kept in the record."


def cancel(uid: UUID, *, by: Holder, reason: str) -> Run:
    """Ask for its end. Raises NotFound, NotAllowed, Invalid (no reason), StaleState (it has ended)."""
    check(uid, by, cancels=True)
    return engine_cancel.request(uid=uid, by=by, reason=reason)


def fork(uid: UUID, *, checkpoint: int, by: Holder, reason: str) -> Run:
    """Begin anew behind a checkpoint, as a new run.

    Raises as `cancel`, Halted, StaleState while it is at work or a call is open, or when its parent began it.
    """
    check(uid, by)
    reason = words.reason(reason, needed=WHY)
    return engine_fork.run(uid=uid, checkpoint=checkpoint, by=by, reason=reason)


def retry(uid: UUID, *, by: Holder, reason: str, may_answer: bool = True) -> Run:
    """Try again what failed; the run that goes on.

    An escalated run goes on itself: its open questions are answered with "try again", if whoever asks `may_answer`.
    One that has failed or was cancelled goes on as a fork, with everything that had succeeded, and only one such fork
    at a time. Raises as `fork`.
    """
    run = check(uid, by)
    reason = words.reason(reason, needed=WHY)
    if run.state == "escalated":
        return _settle(run, by, reason, may_answer=may_answer)
    if run.state == "succeeded":
        raise StaleState(
            "It has succeeded, so there is nothing to try again. Fork it to do some of it once more."
        )
    if run.finished_at is None:
        raise StaleState(f"The run is {run.state}: what failed on the way is tried again by itself.")
    return engine_fork.run(uid=uid, checkpoint=run.steps.count(), by=by, reason=reason, alone=True)


def check(uid: UUID, by: Holder, *, cancels: bool = False) -> Run:
    """The run, if they may operate it. Whoever asked for its task, and may still, may also have it cancelled.

    Raises NotFound, NotAllowed.
    """
    run = listing.find(uid, by, RIGHT, "submit")
    theirs = by in (run.task.requester, run.task.service)
    if run.may_operate or (cancels and theirs and run.may_submit):  # type: ignore[attr-defined]  # as it was found
        return run
    raise NotAllowed(f"You may see {run.deployment}, but this needs the right to {RIGHT} there.")


def _settle(run: Run, by: Holder, reason: str, *, may_answer: bool) -> Run:
    """All open escalations, or none."""
    if not isinstance(by, Person):
        raise NotAllowed("The run asks people what to do: only they let it go on.")
    if not may_answer:
        raise NotAllowed(
            "The run asks what to do, so this answers questions: the token has no scope for that."
        )
    with borrow():
        for question in HumanTask.objects.filter(run=run, state="open", kind="escalation").order_by("pk"):
            action = "retry" if question.step_id is not None else "continue"
            tasks.answer(uid=question.uid, by=by, values={"action": action, "note": reason[:2000]})
    return run
