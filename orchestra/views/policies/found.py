"""The list of policies in force: a search, pages. GET only."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.evals import publications
from orchestra.evals.publications import Filters
from orchestra.models import Person
from orchestra.views.access import for_people

LONGEST = 200


@require_safe
@for_people
def found(request: HttpRequest, person: Person) -> HttpResponse:
    """One page of what is in force where the person sees a deployment. 422 for a place that means nothing."""
    filters = Filters(**{name: request.GET.get(name, "").strip()[:LONGEST] for name in Filters.__slots__})
    shown = publications.page(person, filters)
    kept = {name: value for name in ("q", "environment") if (value := getattr(filters, name))}
    context = {
        "section": "policies",
        "rows": [(row, publications.matching(row, filters.q) if filters.q else []) for row in shown.rows],
        "filters": filters,
        "filtered": ", ".join(f"“{value}”" for value in kept.values()),
        "environments": [place.name for place in publications.environments(person)],
        "later": urlencode({**kept, "after": shown.later}) if shown.later else "",
    }
    return render(request, "policies/list.html", context)
