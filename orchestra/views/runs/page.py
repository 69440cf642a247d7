"""The page of one run: why it waits, and one of its sides: course, conversation, calls, history, facts. GET only.

While the run lives the page asks for news; what somebody reads in a list is never taken from under their eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra import states
from orchestra.errors import Invalid, NotFound
from orchestra.models import Person, Run
from orchestra.runs import calls, conversation, facts, listing, record, why
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.runs import drawing

#: htmx: take this, and ask no more.
NO_MORE_NEWS: Final = 286
SIDES: Final[Mapping[str, str]] = {
    "course": "Course",
    "talk": "Conversation",
    "calls": "Calls",
    "history": "History",
    "facts": "Facts",
}


@require_safe
@for_people
def page(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """One side of the run, or news of it; 404 for one that is not theirs to see."""
    run = listing.find(uid, person, "operate", "halt")
    side = request.GET.get("show", "course")
    if side not in SIDES:
        raise NotFound(f"A run has no side that is called {side[:40]!r}.")
    asks = request.headers.get("HX-Request") == "true"
    since = request.GET.get("since", "")
    if asks and since == listing.mark(run) and run.state not in {"queued", "running"}:
        return HttpResponse(status=204)
    shown = _head(request, run, side)
    if not asks:
        return render(request, "runs/page.html", shown | _side(run, side, _after(request)))
    more = _side(run, side, 0) if side == "course" else {"stale": since != listing.mark(run)}
    status = NO_MORE_NEWS if run.finished_at is not None else 200
    return render(request, "runs/_news.html", shown | more, status=status)


def _head(request: HttpRequest, run: Run, side: str) -> dict[str, Any]:
    """What every side begins with."""
    after = _after(request)
    kept = {"show": side} | ({"after": after} if after else {})
    return {
        "section": "runs",
        "run": run,
        "now": listing.seen_at(run),
        "title": visible(run.task.subject) or f"Run of {run.deployment}",
        "error": visible(run.error),
        "means": states.RUN.states[run.state],
        "side": side,
        "sides": SIDES,
        "here": urlencode(kept),
        "news": urlencode({**kept, "since": listing.mark(run)}) if run.finished_at is None else "",
        "may": {right: getattr(run, f"may_{right}") for right in ("operate", "halt")},
    }


def _side(run: Run, side: str, after: int) -> dict[str, Any]:
    return {"after": after, **TOLD[side](run, after)}


def _course(run: Run, after: int) -> dict[str, Any]:
    part, spec = facts.steps(run, after=after), facts.spec_of(run)
    drawn = drawing.of(spec, facts.standing(run, part)) if spec is not None and not after else None
    return {"part": part, "drawn": drawn, "why": why.of(run, listing.seen_at(run))}


def _facts(run: Run, _after: int) -> dict[str, Any]:
    labels = {visible(str(name)): visible(str(value)) for name, value in run.task.labels.items()}
    return {
        "use": facts.use(run, listing.seen_at(run)),
        "relatives": facts.relatives(run),
        "reference": visible(run.task.reference),
        "labels": labels,
        "input": facts.pretty(run.input),
        "output": facts.pretty(run.output),
    }


TOLD: Final[Mapping[str, Callable[[Run, int], dict[str, Any]]]] = {
    "course": _course,
    "talk": lambda run, after: {"part": conversation.exchanges(run, after=after)},
    "calls": lambda run, after: {"part": calls.calls(run, after=after)},
    "history": lambda run, after: {"part": record.entries(run, after=after)},
    "facts": _facts,
}


def _after(request: HttpRequest) -> int:
    text = request.GET.get("after", "0")
    if not text.isdecimal() or len(text) > 18:
        raise Invalid.at("/after", "This part of the page does not exist: go back to the first one.")
    return int(text)
