"""What the queue must know of who is asking, read once for a request."""

from __future__ import annotations

from django.http import HttpRequest

from orchestra.models import Person
from reviews import queue
from reviews.queue import Reader


def reader(request: HttpRequest, person: Person) -> Reader:
    """The reader behind a request."""
    kept: Reader | None = getattr(request, "reader", None)
    if kept is None:
        kept = queue.reader(person)
        request.reader = kept  # type: ignore[attr-defined]
    return kept
