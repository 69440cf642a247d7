"""The front page: says that Orchestra runs, and where things are."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """One small page; it shows nothing of what is inside, so it asks for no sign-in."""
    return render(request, "home.html")
