"""The front page: leads people to what is theirs, and tells everybody else what this is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from orchestra.people import roles
from orchestra.views import frame


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the queue for those who review anything, else to their tasks; accounts of nobody stay here."""
    someone = frame.person(request) if request.user.is_authenticated else None
    if someone is None:
        return render(request, "home.html")
    reviews = roles.visible_to(someone, "review").exists()
    return redirect(_address("reviews:queue" if reviews else "tasks:list"))


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return reverse("reviews:queue")
