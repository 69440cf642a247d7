"""Who is asking: every reviewers' page needs a person behind the account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from orchestra.errors import NotAllowed
from orchestra.models import Person
from orchestra.views import frame
from reviews import queue
from reviews.queue import Reader

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Person, P], HttpResponse]


def reader(request: HttpRequest, person: Person) -> Reader:
    """What the queue must know of who asks; read once for a request."""
    kept: Reader | None = getattr(request, "reader", None)
    if kept is None:
        kept = queue.reader(person)
        request.reader = kept  # type: ignore[attr-defined]
    return kept


def for_people(view: View[P]) -> Callable[..., HttpResponse]:
    """The view is given the person who asks; accounts of nobody are told why they cannot come in."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        someone = frame.person(request)
        if someone is None or not someone.active:
            raise NotAllowed(
                "This account belongs to no person. An administrator can say whose it is, under people."
            )
        return view(request, someone, *args, **kwargs)

    return guarded
