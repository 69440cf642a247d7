"""Who is asking: every page of somebody needs a person behind the account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orchestra.errors import NotAllowed
from orchestra.models import Person
from orchestra.views import frame

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Person, P], HttpResponse]


def for_people(view: View[P]) -> Callable[..., HttpResponse]:
    """The view is given the person who asks; accounts of nobody are told why they cannot come in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if getattr(request, "htmx", False) and not request.user.is_authenticated:
            return _signed_out(request)
        return signed_in(request, *args, **kwargs)

    @login_required
    def signed_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        someone = frame.person(request)
        if someone is None or not someone.active:
            raise NotAllowed(
                "This account belongs to no person. An administrator can say whose it is, under people."
            )
        return view(request, someone, *args, **kwargs)

    return guarded


def _signed_out(request: HttpRequest) -> HttpResponse:
    """To a part of a page that asks: a notice beside what was typed, instead of the sign-in page in its place."""
    answer = render(request, "_signed_out.html", status=401)
    answer.headers["HX-Retarget"] = "#toasts"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer
