"""One task: how it stands, what it waits for, what came of it; followed live, and cancelled by who asked for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from orchestra import canonical, unseen
from orchestra.engine import cancel as engine_cancel
from orchestra.engine import claim
from orchestra.errors import Invalid, NotAllowed, OrchestraError, StaleState
from orchestra.intake import requested
from orchestra.models import Person, Run, Task
from orchestra.runs import why
from orchestra.runs.why import Why
from orchestra.tools.sentences import visible
from orchestra.views import failures, readable
from orchestra.views.access import for_people, signed_out
from orchestra.views.tasks import words
from orchestra.views.tasks.listing import title

#: htmx stops asking when it gets this.
STOP: Final = 286
#: Seconds between two looks: at what moves, at what waits for a time or has gone on for long, at what waits for people.
SOON, LATER, SELDOM = 2, 5, 15
LONG: Final = timedelta(minutes=10)
NOT_NEEDED: Final = "Not needed any more, says who asked for it."


@require_safe
@for_people
def page(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The page of one task; 404 for one that is neither theirs nor theirs to see."""
    return _shown(request, requested.find(uid, person), person)


@require_safe
def news(request: HttpRequest, uid: UUID) -> HttpResponse:
    """How it stands now, for a page that follows it. A page whose session has ended is told so once."""
    if getattr(request, "htmx", False) and not request.user.is_authenticated:
        return signed_out(request, STOP)
    return _news(request, uid=uid)


@for_people
def _news(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """204 when it stands as the page shows, 286 at the end."""
    context = _standing(requested.find(uid, person), person)
    if request.GET.get("since") == context["version"]:
        return HttpResponse(status=204)
    status = 200 if context["pause"] else STOP
    return render(request, "tasks/_standing.html", {**context, "live": True, "swapped": True}, status=status)


@require_POST
@for_people
def cancel(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Ask for the end of what is open of it. What cannot be done comes back with the reason typed."""
    task = requested.find(uid, person)
    reason = request.POST.get("reason", "")
    try:
        _cancel(task, person, reason)
    except (Invalid, NotAllowed, StaleState) as error:
        return _shown(request, requested.find(uid, person), person, error, reason)
    messages.success(request, "Cancelling: what is in flight settles first, then nothing more is done.")
    return redirect("tasks:page", uid)


@require_POST
@for_people
def read(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Mark what the person was told of this task as read. To a part of the page that asks: nothing to swap."""
    task = requested.find(uid, person)
    requested.mark(person, task=task)
    return HttpResponse(status=204) if getattr(request, "htmx", False) else redirect("tasks:page", uid)


def _cancel(task: Any, person: Person, reason: str) -> None:
    if not _may_cancel(task, person):
        raise NotAllowed(
            f"Only who asked for it and may still submit there, or an operator of {task.deployment}, can cancel it."
        )
    live = [run for run in requested.attempts(task) if run.finished_at is None]
    if not live:
        raise StaleState("It has ended already, so there is nothing to cancel.")
    for run in live:
        engine_cancel.request(uid=run.uid, by=person, reason=reason.strip() or NOT_NEEDED)


def _may_cancel(task: Any, person: Person) -> bool:
    return bool((task.requester_id == person.pk and task.may_submit) or task.may_operate)


def _shown(
    request: HttpRequest, task: Task, person: Person, error: OrchestraError | None = None, reason: str = ""
) -> HttpResponse:
    context = {
        **_standing(task, person),
        "section": "tasks",
        "live": request.COOKIES.get("live", "") != "off",
        "problem": error,
        "reason": reason,
        "labels": [f"{visible(name)}={visible(value)}" for name, value in task.labels.items()],
        "reference": visible(task.reference),
        "asked_by": str(task.requester or task.service),
        "given": readable.entries(task.payload, _titles(task)),
    }
    return render(request, "tasks/task.html", context, status=error.status if error else 200)


def _titles(task: Task) -> Any:
    """The input schema in force, for the names of what was asked; nothing where this release cannot read it."""
    try:
        return claim.spec_of(task.deployment.base_version_id).input_schema
    except OrchestraError:
        return {}


def _standing(task: Any, person: Person) -> dict[str, Any]:
    """How the newest attempt stands, and whether and when to look again."""
    attempts = requested.attempts(task)
    run = attempts[0]
    now: datetime = run.read_at  # type: ignore[attr-defined]  # by the database's clock
    because = why.of(run, now)
    shown = words.standing(run.state, halted=run.is_halted, asks=_asks(because))  # type: ignore[attr-defined]
    return {
        "task": task,
        "title": title(task),
        "run": run,
        "standing": shown,
        "sentence": because.sentence if because is not None else words.ENDS[run.state],
        "output": readable.entries(run.output),
        "failure": failures.meaning(run.failure_class),
        "error": "\n".join(unseen.lines(run.error)),
        "attempts": [{"run": one, "number": len(attempts) - place, "words": words.standing(one.state)}
                     for place, one in enumerate(attempts)],
        "may_cancel": _may_cancel(task, person) and run.finished_at is None and run.cancel_requested_at is None,
        "pause": _pause(run, because, now),
        "version": _version(run, because, len(attempts)),
    }  # fmt: skip


def _asks(because: Why | None) -> bool:
    return because is not None and because.kind in {"proposal", "question"}


def _pause(run: Any, because: Why | None, now: datetime) -> int:
    """Seconds until a page looks again; 0 when nothing comes any more."""
    if because is None:
        return 0
    if _asks(because) or run.is_halted:
        return SELDOM
    return SOON if run.state in {"queued", "running"} and now - run.created_at < LONG else LATER


def _version(run: Run, because: Why | None, attempts: int) -> str:
    """What a page shows, in short: when it differs, there is something new."""
    told = [str(run.uid), run.state, because.sentence if because is not None else "", attempts]
    return canonical.digest(told).hex()[:16]
