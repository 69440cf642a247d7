"""Refuses what other sites make a browser send: requests that may change something and did not begin on our own pages.

It reads what browsers say by themselves (Sec-Fetch-Site). The token of a form is asked for all the same, by Django.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from orchestra.views import problems

#: Cannot change anything: each view that answers them only reads.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: From our own page, or from the person alone, such as a form sent again. Nothing is said by programs and old browsers.
OURS: Final = frozenset({"", "same-origin", "none"})


class OwnSite:
    """Middleware: 403 for a request of another site, before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on what cannot change anything, what begins here, and what proves itself without cookies."""
        if request.method in SAFE or request.headers.get("Sec-Fetch-Site", "") in OURS or _bears(request):
            return self.get_response(request)
        return problems.csrf(request)


def _bears(request: HttpRequest) -> bool:
    """Whether it carries a token of its own: no browser adds one for another site."""
    return request.headers.get("Authorization", "")[:7].lower() == "bearer "
