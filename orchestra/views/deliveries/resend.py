"""Sends a delivery again, when somebody asks who may. POST only."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from orchestra.delivery import deliveries
from orchestra.delivery.deliveries import Filters
from orchestra.models import Person
from orchestra.views.access import for_people

LONGEST = 100


@require_POST
@for_people
def resend(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Back to the list as it was. 404, 403 or 409 as `deliveries.resend` says."""
    delivery = deliveries.resend(uid=uid, by=person)
    messages.success(request, f"It will be sent to {delivery.webhook.name} in a moment.")
    kept = {name: text for name in Filters.__slots__ if (text := request.POST.get(name, "")[:LONGEST])}
    return redirect(f"{reverse('deliveries:list')}{f'?{urlencode(kept)}' if kept else ''}")
