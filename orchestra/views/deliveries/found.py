"""The list of deliveries: by webhook and state, with what came of the last try. GET only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestra.delivery import deliveries
from orchestra.delivery.deliveries import STATES, Filters
from orchestra.delivery.topics import TOPICS
from orchestra.models import Person, WebhookDelivery
from orchestra.views.access import for_people

LONGEST = 100
#: Badges look like those of states that mean the same.
BADGES = {"waiting": "waiting", "delivered": "succeeded", "given-up": "failed"}


@require_safe
@for_people
def found(request: HttpRequest, person: Person) -> HttpResponse:
    """One page. 422 for a state or a place that means nothing."""
    filters = Filters(**{name: request.GET.get(name, "").strip()[:LONGEST] for name in Filters.__slots__})
    shown = deliveries.page(person, filters)
    kept = {name: value for name in ("webhook", "state") if (value := getattr(filters, name))}
    theirs = deliveries.resendable(person)
    context = {
        "section": "deliveries",
        "rows": [_row(row, theirs) for row in shown.rows],
        "filters": filters,
        "filtered": bool(kept),
        "states": STATES,
        "webhooks": deliveries.webhooks(person),
        "older": urlencode({**kept, "before": shown.older}) if shown.older else "",
    }
    return render(request, "deliveries/list.html", context)


def _row(row: WebhookDelivery, theirs: set[int]) -> dict[str, Any]:
    run, state = row.message.run, deliveries.state(row)
    may = run is not None and run.deployment_id in theirs
    return {
        "delivery": row,
        "run": run,
        "state": STATES[state],
        "badge": BADGES[state],
        "about": TOPICS.get(row.message.topic, ""),
        "off": state == "waiting" and not row.webhook.active,
        "again": {"waiting": "Try now", "given-up": "Send again"}.get(state, "")
        if may and row.webhook.active
        else "",
    }
