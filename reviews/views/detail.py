"""One proposal: what would happen, why it is asked, and the form to decide. GET only; nothing is decided here."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestra.models import Person
from orchestra.views.access import for_people
from reviews import facts, queue


@require_safe
@for_people
def detail(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The page of one proposal; 404 for one that is not theirs to see."""
    return shown(request, person, uid)


def shown(
    request: HttpRequest, person: Person, uid: UUID, *, status: int = 200, **more: object
) -> HttpResponse:
    """The page, with what came of a decision that could not be taken: the typed text is kept."""
    proposal = queue.find(uid, person)
    context = {"section": "reviews", "facts": facts.of(proposal, person), "opened": timezone.now(), **more}
    return render(request, "reviews/detail.html", context, status=status)
