"""Setting a halt: first a page that shows what is in flight in the scope, then the halt. POST only."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from orchestra.engine import words
from orchestra.errors import Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Person
from orchestra.runs import halts
from orchestra.runs.halts import Target
from orchestra.views.access import for_people
from orchestra.views.halts import known

FIELDS = ("scope", "deployment", "run", "reason")


@require_POST
@for_people
def set_on(request: HttpRequest, person: Person) -> HttpResponse:
    """Ask once more, or set it when that was confirmed. What cannot be done comes back with what was typed."""
    typed = {name: request.POST.get(name, "") for name in FIELDS}
    try:
        what = halts.target(person, typed["scope"], deployment=typed["deployment"], run=typed["run"])
        if request.POST.get("confirmed") != "yes":
            return _confirm(request, person, what, typed)
        made = halts.set_on(what, by=person, reason=typed["reason"])
    except (Invalid, NotAllowed, NotFound, StaleState) as error:
        return known.shown(request, person, status=error.status, problem=error, typed=typed)
    messages.success(request, f"Halted: {what}.")
    return redirect("halts:page", made.uid)


def _confirm(request: HttpRequest, person: Person, what: Target, typed: dict[str, str]) -> HttpResponse:
    """What it would stop, and what is under way there now. Raises what setting it would raise."""
    halts.check(person, what)
    words.reason(typed["reason"], needed="A halt needs a reason that people will understand later.")
    flight = halts.flight(what, person)
    shown = {"section": "halts", "what": what, "flight": flight, "typed": typed}
    return render(request, "halts/confirm.html", shown)
