"""Who is asking: every page of somebody needs a person behind the account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from orchestra.errors import NotAllowed, StaleState
from orchestra.models import Person
from orchestra.views import frame, problems

#: In a form that our script sends: for whom its page was drawn.
WHOSE: Final = "_person"
OTHER: Final = (
    "Somebody else has signed in here since this page was opened, so nothing was done. Load it again."
)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Person, P], HttpResponse]


def for_people(view: View[P]) -> Callable[..., HttpResponse]:
    """The view is given the person who asks; accounts of nobody are told why they cannot come in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return signed_out(request)
        someone = frame.person(request)
        if someone is None or not someone.active:
            raise NotAllowed(
                "This account belongs to no person. An administrator can say whose it is, under people."
            )
        if request.method == "POST" and request.POST.get(WHOSE, str(someone.uid)) != str(someone.uid):
            raise StaleState(OTHER)
        return view(request, someone, *args, **kwargs)

    return guarded


def signed_out(request: HttpRequest, status: int = 401) -> HttpResponse:
    """To the page where one signs in, and back; to a part of a page, a notice above what was typed there."""
    if getattr(request, "htmx", False):
        return problems.above(render(request, "_signed_out.html", status=status))
    return redirect_to_login(_page(request))


def _page(request: HttpRequest) -> str:
    """Where to go on after a sign-in: the page that was asked for, or the one whose form was sent."""
    came = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(came, {request.get_host()}, require_https=request.is_secure())
    if request.method != "POST" or not ours:
        return request.get_full_path()
    return urlsplit(came)._replace(scheme="", netloc="", fragment="").geturl()
