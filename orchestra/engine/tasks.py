"""Takes people's answers to human tasks: checks who and what, moves the task, wakes the run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, F
from django.db.models.functions import Now

from orchestra import canonical, logs, moves, schemas
from orchestra.audit.append import append
from orchestra.engine import cancel, claim, dispatch, resolve
from orchestra.engine.connections import borrow, now
from orchestra.errors import Expired, NotAllowed, NotFound, OrchestraError, StaleState
from orchestra.models import HumanTask, Person, Question, Run
from orchestra.people import duties, persons, roles
from orchestra.workflows.spec import ESCALATE, WorkflowSpec


def answer(*, uid: UUID, by: Person, values: object) -> HumanTask:
    """Answer an open question, once.

    `values` must fit the question's form. Raises NotFound, NotAllowed (rights, group, duties), StaleState
    (answered or closed), Expired (by the database's clock), Invalid (does not fit the form).
    """
    with borrow():
        question = _lock(uid)
        _may(question, by)
        _still_open(question)
        kept = canonical.check(values)
        schemas.compile(question.form).check(kept)
        actor = f"person:{by.name}"
        moves.move(
            question, "answered", actor=actor, reason="answered", data={"digest": canonical.digest(kept).hex()},
            answer=kept, answered_by=by, finished_at=Now(),
        )  # fmt: skip
        _pass_on(question, by)
        dispatch.announce([question.run_id])
    logs.event("humantask.answered", run=question.run.uid, kind=question.kind)
    return question


def _lock(uid: UUID) -> HumanTask:
    """Locks the run first, then the question."""
    run_uid = HumanTask.objects.filter(uid=uid).values_list("run__uid", flat=True).first()
    if run_uid is None:
        raise NotFound(f"There is no question {uid}.")
    run = cancel.lock(run_uid)
    question = (
        HumanTask.objects.select_for_update(of=("self",)).select_related("group", "answered_by").get(uid=uid)
    )
    question.run = run
    return question


def objection(question: HumanTask, by: Person) -> str | None:
    """Why this person may not answer this question, as a sentence to them; None when they may."""
    if not persons.is_in_group(by, question.group.name):
        return f"This is asked of {question.group.name}; {by} is not one of them."
    if not roles.may(by, "review", question.deployment):
        return "You may look at this, but answering needs the right to review here."
    if question.kind == Question.UNKNOWN and question.toolcall is not None:
        question.toolcall.run = question.run
        return duties.objection(by.pk, resolve.parties(question.toolcall))
    return None


def _may(question: HumanTask, by: Person) -> None:
    if against := objection(question, by):
        raise NotAllowed(against)


def _still_open(question: HumanTask) -> None:
    if question.state == "answered":
        raise StaleState(
            f"{question.answered_by} has answered this at {question.finished_at:%Y-%m-%d %H:%M} UTC."
        )
    if question.state == "expired" or _is_over(question):
        raise Expired("The time to answer this has run out.")
    if question.state != "open":
        raise StaleState(f"This question is {question.state}.")


def _is_over(question: HumanTask) -> bool:
    """While the run is halted its time stands still; lifting the halt gives it back."""
    if question.expires_at is None or question.expires_at > now():
        return False
    return not Run.objects.filter(Exists(claim.HALTED), pk=question.run_id).exists()


def _pass_on(question: HumanTask, by: Person) -> None:
    """What an answer does to the run: wake it, or settle the escalation. The end of the run settles the others too."""
    run = question.run
    others = HumanTask.objects.filter(run=run, state="open", kind="escalation").exclude(pk=question.pk)
    if question.kind == "escalation":
        _settle(question, run, by)
        if _ends(question):
            append(cancel.close(run, actor=f"person:{by.name}", reason="another answer ends the run"))
    if run.state == "escalated" and not others.exists():
        moves.move(run, "queued", actor=f"person:{by.name}", reason="the question is settled", due_at=Now())
    due = {} if run.state == "escalated" else {"due_at": Now()}
    Run.objects.filter(pk=run.pk, finished_at__isnull=True).update(wake=F("wake") + 1, **due)


def _settle(question: HumanTask, run: Run, by: Person) -> None:
    action = (question.answer or {}).get("action")
    if action == "cancel":
        Run.objects.filter(pk=run.pk).update(cancel_requested_at=Now(), cancel_requested_by=by)
    elif action == "fail" and question.step_id is None:
        context = question.context
        Run.objects.filter(pk=run.pk).update(failure_class=context["failure_class"], error=context["error"])
    elif action == "continue" and (raised := _raised(run, str(question.context["limit"]))):
        Run.objects.filter(pk=run.pk).update(**raised)


def _ends(question: HumanTask) -> bool:
    """Whether the answer is the end of the run: cancelled, or a failure that nothing catches."""
    action = (question.answer or {}).get("action")
    if action != "fail" or question.step_id is None:
        return action in {"cancel", "fail"}
    name = str(question.context["step"]).partition("~")[0]
    spec = _spec(question.run)
    return spec is not None and spec.by_name[name].on_failure == ESCALATE


def _raised(run: Run, limit: str) -> dict[str, Any]:
    """As much again of what ran out, from the published limits; nothing where nothing ran out, or nobody can say."""
    if limit == "takeovers":
        return {"takeovers": 0}
    spec = _spec(run) if limit else None
    if spec is None:
        return {}
    published = spec.limits
    if limit == "wall_time":
        return {"deadline_at": now() + timedelta(seconds=published.wall_time)}
    if limit in {"steps", "turns", "tool_calls", "repeats", "tokens"}:
        return {"limits": {**run.limits, limit: int(run.limits[limit]) + int(getattr(published, limit))}}
    if limit == "cost" and published.cost is not None:
        amount, currency = published.cost.split()
        raised = Decimal(str(run.limits["cost"]).split()[0]) + Decimal(amount)
        return {"limits": {**run.limits, "cost": f"{raised} {currency}"}}
    return {}


def _spec(run: Run) -> WorkflowSpec | None:
    """None when this release cannot read it: the worker that takes the run says so, and asks again."""
    try:
        return claim.spec_of(run.version_id)
    except OrchestraError:
        return None
