"""What is new since a page was drawn, for pages that ask every few seconds. GET; it notes who looks, and decides nothing."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.errors import Invalid
from orchestra.models import Person
from orchestra.views.access import for_people
from reviews import presence
from reviews import queue as waiting
from reviews.listing import news as told
from reviews.views.queue import address, wanted

NOTHING_NEW = 204


@require_safe
@for_people
def news(request: HttpRequest, person: Person) -> HttpResponse:
    """204 when nothing has changed; else the banner, and how the shown rows stand. `at` names an open proposal."""
    known = told.version(request.GET.get("since", ""))
    if opened := request.GET.get("at", ""):
        return _of_one(request, person, _uid(opened), known)
    tab, filters = request.GET.get("tab", "yours"), wanted(request)
    shown = told.shown(request.GET.getlist("row"))
    found = told.since(tab, waiting.unread(person), filters, known, shown)
    if found.version == known:
        return HttpResponse(status=NOTHING_NEW)
    here = address(tab, filters)
    return render(request, "reviews/_news.html", {"news": found, "since": found.version, "here": here})


def _of_one(request: HttpRequest, person: Person, uid: UUID, known: told.Version) -> HttpResponse:
    """A page of one proposal is open: note that, and tell who else looks and whether it is over."""
    found = presence.look(uid, person)
    version = told.drawn(known.at, [found])
    if version == known:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, "reviews/_watch.html", {"standing": found, "since": version, "uid": uid})


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid.at("/at", "A proposal is named by its id.") from None
