"""Cancel, try again, fork: a page that says what it does and asks why, and the form that does it.

What cannot be done comes back with the reason in words, and with the typed text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from orchestra.errors import Halted, Invalid, NotAllowed, StaleState
from orchestra.models import Person, Run, Step
from orchestra.runs import listing, operate, why
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people

#: So many checkpoints are offered, the last ones.
MOST_CHECKPOINTS: Final = 500


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that operators do, in words, and what does it."""

    name: str
    title: str
    button: str
    says: str
    done: str
    do: Callable[[HttpRequest, UUID, Person, str], Run]


def _page(act: Act) -> Callable[..., HttpResponse]:
    @require_http_methods(["GET", "HEAD", "POST"])
    @for_people
    def view(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
        if request.method != "POST":
            return _shown(request, act, operate.check(uid, person, cancels=act.name == "cancel"), {})
        typed = {name: request.POST.get(name, "") for name in ("reason", "checkpoint")}
        try:
            after = act.do(request, uid, person, typed["reason"])
        except (Invalid, NotAllowed, StaleState, Halted) as error:
            run = listing.find(uid, person)
            return _shown(request, act, run, {"problem": error, "typed": typed}, status=error.status)
        messages.success(request, act.done)
        return redirect("runs:page", after.uid)

    return view


def _shown(
    request: HttpRequest, act: Act, run: Run, more: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    now = listing.seen_at(run)
    shown = {
        "section": "runs",
        "act": act,
        "run": run,
        "title": visible(run.task.subject) or f"Run of {run.deployment}",
        "why": why.of(run, now),
        "checkpoints": _checkpoints(run) if act.name == "fork" else [],
        **more,
    }
    return render(request, "runs/act.html", shown, status=status)


def _checkpoints(run: Run) -> list[Step]:
    """Where a fork can begin, the last ones first."""
    rows = run.steps.filter(item=Step.NO_ITEM, state__in=["succeeded", "skipped"]).order_by("-ordinal")
    return list(rows[:MOST_CHECKPOINTS])


def _cancel(_request: HttpRequest, uid: UUID, by: Person, reason: str) -> Run:
    return operate.cancel(uid, by=by, reason=reason)


def _retry(_request: HttpRequest, uid: UUID, by: Person, reason: str) -> Run:
    return operate.retry(uid, by=by, reason=reason)


def _fork(request: HttpRequest, uid: UUID, by: Person, reason: str) -> Run:
    text = request.POST.get("checkpoint", "")
    if not text.isdecimal() or len(text) > 9:
        raise Invalid.at("/checkpoint", "Choose where the new run begins.")
    return operate.fork(uid, checkpoint=int(text), by=by, reason=reason)


cancel: Final = _page(
    Act(
        "cancel",
        "Cancel this run?",
        "Cancel the run",
        "What is in flight is waited for, and nothing new is begun. What was done stays done. A run that has ended "
        "cannot be taken up again, only forked.",
        "The run is being cancelled.",
        _cancel,
    )
)
retry: Final = _page(
    Act(
        "retry",
        "Try this run again?",
        "Try again",
        "An escalated run goes on where it stands. One that has failed or was cancelled goes on as a new run: what had "
        "succeeded is kept, what failed is done anew.",
        "It is being tried again.",
        _retry,
    )
)
fork: Final = _page(
    Act(
        "fork",
        "Fork this run?",
        "Fork the run",
        "A new run of the same task and version begins behind the checkpoint: what was settled up to there is copied, "
        "the rest is done anew, also what had an effect outside. The old run stays as it is.",
        "This is the new run.",
        _fork,
    )
)
