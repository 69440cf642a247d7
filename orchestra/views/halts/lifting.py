"""Lifts a halt, with a reason. POST only."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from orchestra.errors import Invalid, NotAllowed, StaleState
from orchestra.models import Person
from orchestra.runs import halts
from orchestra.views.access import for_people
from orchestra.views.halts.known import told


@require_POST
@for_people
def lift(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Let go again. What cannot be done comes back with the typed text."""
    row = halts.find(uid, person)
    try:
        halts.lift(row, by=person, reason=request.POST.get("reason", ""))
    except (Invalid, NotAllowed, StaleState) as error:
        row = halts.find(uid, person)
        shown = {
            "section": "halts",
            "halt": told(row),
            "now": halts.seen_at(row),
            "problem": error,
            "typed": request.POST.get("reason", ""),
            "may_lift": row.state == "on" and halts.may(person, row),
        }
        return render(request, "halts/page.html", shown, status=error.status)
    messages.success(request, "Lifted. What was due goes on, and deadlines got back the time they lost.")
    return redirect("halts:list")
