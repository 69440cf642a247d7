"""Halts that are on and were, and the page of one, which tells when what was in flight has settled. GET only."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.errors import Invalid
from orchestra.models import Halt, Person, Scope
from orchestra.people import roles
from orchestra.runs import halts
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.runs.page import NO_MORE_NEWS

LONGEST: Final = 100


@require_safe
@for_people
def known(request: HttpRequest, person: Person) -> HttpResponse:
    """All halts that the person may see, and the form to set one."""
    wanted = {name: request.GET.get(name, "")[:LONGEST] for name in ("scope", "deployment", "run")}
    return shown(request, person, typed=wanted)


def shown(request: HttpRequest, person: Person, *, status: int = 200, **more: object) -> HttpResponse:
    """The page, with what came of a form that could not be taken: what was typed is kept."""
    past, older = halts.past(person, before=_before(request))
    everything, choices = roles.may_halt_everything(person), halts.choices(person)
    context = {
        "section": "halts",
        "on": [told(row) for row in halts.on(person)],
        "past": [told(row) for row in past],
        "older": older,
        "everything": everything,
        "choices": choices,
        "may_set": everything or bool(choices),
        **more,
    }
    return render(request, "halts/list.html", context, status=status)


@require_safe
@for_people
def page(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """One halt, with what is in flight in its scope; asks for news until all has settled."""
    row = halts.find(uid, person)
    flight = halts.flight(row, person) if row.state == "on" else None
    moving = flight is not None and not flight.settled
    context = {
        "section": "halts",
        "halt": told(row),
        "flight": flight,
        "moving": moving,
        "now": halts.seen_at(row),
        "may_lift": row.state == "on" and halts.may(person, row),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "halts/_flight.html", context, status=200 if moving else NO_MORE_NEWS)
    return render(request, "halts/page.html", context)


def told(row: Halt) -> dict[str, Any]:
    """A halt, with its scope and its reason in words."""
    what = halts.Target(Scope(row.scope), row.deployment, row.run)
    return {"row": row, "what": str(what), "reason": visible(row.reason)}


def _before(request: HttpRequest) -> int:
    text = request.GET.get("before", "0")
    if not text.isdecimal() or len(text) > 18:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return int(text)
