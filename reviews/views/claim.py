"""Takes and gives up claims on a proposal. POST only; a claim decides nothing."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from orchestra.models import Person
from orchestra.views.access import for_people
from reviews import claims, queue


@require_POST
@for_people
def claim(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Claim it for ten minutes, or with `release` let it go; back to its page."""
    proposal = queue.find(uid, person)
    if "release" in request.POST:
        claims.release(proposal, person)
    else:
        claims.take(proposal, person)
    return redirect(f"{reverse('reviews:detail', args=[uid])}?{request.GET.urlencode()}")
