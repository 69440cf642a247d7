"""What operators do to a run: cancel it, try it again, fork it. The right is checked here, the rest is the engine's."""

from __future__ import annotations

from uuid import UUID

from orchestra.engine import cancel as engine_cancel
from orchestra.engine import fork as engine_fork
from orchestra.engine import halt, tasks, words
from orchestra.engine.connections import borrow
from orchestra.errors import Halted, NotAllowed, StaleState
from orchestra.models import HumanTask, Person, Run
from orchestra.runs import listing

RIGHT = "operate"
WHY = "Say why: it is kept in the record."


def cancel(uid: UUID, *, by: Person, reason: str) -> Run:
    """Ask for its end. Raises NotFound, NotAllowed, Invalid (no reason), StaleState (it has ended)."""
    check(uid, by)
    return engine_cancel.request(uid=uid, by=by, reason=reason)


def fork(uid: UUID, *, checkpoint: int, by: Person, reason: str) -> Run:
    """Begin anew behind a checkpoint, as a new run.

    Raises as `cancel`, StaleState while it is at work or a call is open, Halted: a fork must not lead round a halt.
    """
    run = check(uid, by)
    reason = words.reason(reason, needed=WHY)
    if halt.covers(run.pk):
        raise Halted("A halt covers this run. Lift it first: a fork must not lead round it.")
    return engine_fork.run(uid=uid, checkpoint=checkpoint, by=by, reason=reason)


def retry(uid: UUID, *, by: Person, reason: str) -> Run:
    """Try again what failed; the run that goes on.

    An escalated run goes on itself: its open questions are answered with "try again". One that has failed or was
    cancelled goes on as a fork, with everything that had succeeded. Raises as `fork`.
    """
    run = check(uid, by)
    reason = words.reason(reason, needed=WHY)
    if run.state == "escalated":
        return _settle(run, by, reason)
    if run.state == "succeeded":
        raise StaleState(
            "It has succeeded, so there is nothing to try again. Fork it to do some of it once more."
        )
    if run.finished_at is None:
        raise StaleState(f"The run is {run.state}: what failed on the way is tried again by itself.")
    return fork(uid, checkpoint=run.steps.count(), by=by, reason=reason)


def check(uid: UUID, by: Person) -> Run:
    """The run, if this person may operate it. Raises NotFound, NotAllowed."""
    run = listing.find(uid, by, RIGHT)
    if not run.may_operate:  # type: ignore[attr-defined]  # as it was found
        raise NotAllowed(f"You may see {run.deployment}, but this needs the right to {RIGHT} there.")
    return run


def _settle(run: Run, by: Person, reason: str) -> Run:
    """All open escalations, or none."""
    with borrow():
        for question in HumanTask.objects.filter(run=run, state="open", kind="escalation").order_by("pk"):
            action = "retry" if question.step_id is not None else "continue"
            tasks.answer(uid=question.uid, by=by, values={"action": action, "note": reason[:2000]})
    return run
