"""What the bar of every page tells a reviewer: how much waits for them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orchestra.views import frame
from reviews import queue
from reviews.listing import counts


def bar(request: HttpRequest) -> dict[str, Any]:
    """Context processor: how much waits, counted when the page asks for it."""
    user = getattr(request, "user", None)
    someone = frame.person(request) if user is not None and user.is_authenticated else None
    if someone is None:
        return {}
    return {"waiting": SimpleLazyObject(lambda: counts.yours(queue.unread(someone)))}
