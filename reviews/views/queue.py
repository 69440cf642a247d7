"""The queue: four tabs, filters, pages. GET only; nothing is decided here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from orchestra.models import Person
from orchestra.views.access import for_people
from reviews import bulk
from reviews.listing import counts, entries, news
from reviews.listing.entries import Page
from reviews.proposal.facts import TIERS
from reviews.queue import TABS, Filters, Reader
from reviews.views.access import reader

#: What of the filters is chosen from names that there are, with its words.
CHOSEN = {"workflow": "Workflow", "environment": "Environment", "agent": "Agent", "tool": "Tool"}
LONGEST = 200


@require_safe
@for_people
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """One page of a tab. 422 for a filter or a place that means nothing, 404 for another tab.

    Where all that stood on a later page is gone meanwhile, it leads to the first one.
    """
    who, tab, filters = reader(request, person), request.GET.get("tab", "yours"), wanted(request)
    if not who.sees:
        return render(request, "reviews/no_access.html", {"section": "reviews", "waiting": ""})
    counted = counts.of(who)
    page = entries.page(tab, who, filters, counted.at)
    if filters.place is not None and not page.rows:
        return redirect(f"{request.path}?{address(tab, filters)}")
    shown = {
        "section": "reviews",
        "tab": tab,
        "tabs": [(name, title, counted.words[name]) for name, title in TABS.items()],
        "waiting": counted.words["yours"],
        "over": tab in counts.OVER,
        "page": page,
        "most": bulk.MOST,
        "since": news.drawn(counted.at, [row.standing for row in page.rows]),
        "last": entries.last(who, counted.at) if _is_idle(tab, filters, page) else None,
        **_filters(tab, who, filters, page),
        **_pages(tab, filters, page),
    }
    return render(request, "reviews/queue.html", shown)


def _is_idle(tab: str, filters: Filters, page: Page) -> bool:
    return tab == "yours" and not page.rows and not filters.named()


def wanted(request: HttpRequest) -> Filters:
    """What is asked for in the address."""
    return Filters(**{name: request.GET.get(name, "")[:LONGEST].strip() for name in Filters.__slots__})


def address(tab: str, filters: Filters, **more: str) -> str:
    """The query of a page of the queue."""
    return urlencode({"tab": tab, **filters.named(), **more})


def _filters(tab: str, who: Reader, filters: Filters, page: Page) -> dict[str, Any]:
    """The form of the filters, and what is set in words."""
    offered = entries.offered(tab, who) if page.rows or filters.named() else entries.NOTHING
    set_ = {**filters.named()}
    if filters.tier.isdecimal():
        set_["tier"] = TIERS[int(filters.tier)]
    return {
        "filters": filters,
        "words": filters.words,
        "filtered": ", ".join(f"{name} {value}" for name, value in set_.items()),
        "tiers": TIERS,
        "choices": [
            (name, title, getattr(filters, name), getattr(offered, f"{name}s"))
            for name, title in CHOSEN.items()
        ],
    }


def _pages(tab: str, filters: Filters, page: Page) -> dict[str, str]:
    """Where the first page and those beside this one are."""
    return {
        "here": address(tab, filters),
        "older": address(tab, filters, before=page.older) if page.older else "",
        "newer": address(tab, filters, after=page.newer) if page.newer else "",
    }
