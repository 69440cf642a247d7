"""The overview: figures of the deployments that somebody sees, as charts with their numbers beside them. GET only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.models import Person
from orchestra.runs import facts
from orchestra.runs import overview as figures
from orchestra.views import charts
from orchestra.views.access import for_people


@require_safe
@for_people
def overview(request: HttpRequest, person: Person) -> HttpResponse:
    """One page, read anew with every look."""
    found = figures.of(person)
    shown = {
        "section": "overview",
        "now": found.at,
        "charts": [
            ("ages", "The queue now, by age", "Proposals that wait, by tier", charts.rows(found.ages)),
            (
                "proposals",
                "Proposals, last 24 hours",
                "Opened, decided by people and expired, by hour (UTC)",
                charts.columns(found.proposals),
            ),
            (
                "finished",
                "Runs that ended, last 24 hours",
                "By outcome and hour (UTC)",
                charts.columns(found.finished),
            ),
            ("failures", "Failures, last 7 days", "Steps and calls, by class", charts.rows(found.failures)),
        ],
        "medians": [(tier, number, facts.lasting(seconds)) for tier, number, seconds in found.medians],
        "oldest": found.oldest,
    }
    return render(request, "overview.html", shown)
