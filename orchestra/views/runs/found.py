"""The list of runs: a search, filters, pages. GET only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra import states
from orchestra.errors import FailureClass
from orchestra.models import Person, Run
from orchestra.runs import listing, why
from orchestra.runs.listing import Filters
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people

LONGEST = 200
#: Words for the states that one can ask for.
ASKED = {"live": "not ended", "ended": "ended", **{state: state for state in states.RUN.states}}


@require_safe
@for_people
def found(request: HttpRequest, person: Person) -> HttpResponse:
    """One page of the runs that the person may see. 422 for a filter or a place that means nothing."""
    given = {name: request.GET.get(name, "").strip()[:LONGEST] for name in Filters.__slots__}
    filters = Filters(**given)
    page = listing.page(person, filters)
    now = listing.seen_at(page.rows[0]) if page.rows else None
    reasons = why.short(page.rows, now) if now is not None else {}
    shown = {
        "section": "runs",
        "rows": [_row(run, reasons.get(run.pk, "")) for run in page.rows],
        "now": now,
        "count": listing.count(person, filters),
        "filters": filters,
        "filtered": ", ".join(f"{_word(name)} “{value}”" for name, value in filters.named().items()),
        "states": ASKED,
        "failures": {str(failure): str(failure).replace("_", " ") for failure in FailureClass},
        "older": urlencode({**filters.named(), "before": page.older}) if page.older else "",
    }
    return render(request, "runs/list.html", shown)


def _row(run: Run, reason: str) -> dict[str, Any]:
    told = run.failure_class.replace("_", " ") if run.state == "failed" else reason
    return {
        "run": run,
        "subject": visible(run.task.subject),
        "reference": visible(run.task.reference),
        "why": told,
    }


def _word(name: str) -> str:
    return "text" if name == "q" else name
