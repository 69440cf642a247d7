"""The queue: four tabs, filters, pages. GET only; nothing is decided here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.models import Person, Proposal
from orchestra.views.access import for_people
from reviews import facts
from reviews import queue as waiting
from reviews.queue import TABS, Filters
from reviews.views.access import reader


@require_safe
@for_people
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """One page of a tab. 422 for a filter or a place that means nothing, 404 for another tab."""
    tab = request.GET.get("tab", "yours")
    filters = Filters(**{name: request.GET.get(name, "")[:200] for name in Filters.__slots__})
    who = reader(request, person)
    found = waiting.page(tab, who, filters)
    counts = {name: waiting.count(name, who) for name in TABS}
    shown = {
        "section": "reviews",
        "tab": tab,
        "tabs": [(name, title, counts[name]) for name, title in TABS.items()],
        "waiting": counts["yours"],
        "rows": [_row(proposal) for proposal in found.rows],
        "filters": filters,
        "filtered": ", ".join(f"{name} {value}" for name, value in filters.named().items()),
        "tiers": facts.TIERS,
        "fields": [(name, getattr(filters, name)) for name in ("workflow", "environment", "agent", "tool")],
        "older": urlencode({"tab": tab, **filters.named(), "before": found.older}) if found.older else "",
    }
    return render(request, "reviews/queue.html", shown)


def _row(proposal: Proposal) -> dict[str, Any]:
    turn = proposal.toolcall.turn
    return {
        "proposal": proposal,
        "tier": facts.TIERS[proposal.tier],
        "agent": turn.agent_version.agent.name if turn is not None else "",
        "votes": proposal.votes_needed,
    }
