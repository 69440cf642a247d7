"""Ends sessions that nobody has used for a while. Writes at most once a minute, so that pages stay cheap to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase

SEEN: Final = "seen"
#: Parts of pages that ask again by themselves: what they ask is no sign that somebody is there.
BY_THEMSELVES: Final = frozenset({"news", "standing"})
EVERY: Final = 60.0


class IdleEnd:
    """Middleware: a session that was idle for too long is over before the page is made."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """End it, or note that it is used."""
        if settings.SESSION_IDLE and request.user.is_authenticated:
            now = time.time()
            last = _last(request)
            if last is not None and now - last > settings.SESSION_IDLE:
                logout(request)
            elif last is not None and now - last > EVERY and not _asks_by_itself(request):
                request.session[SEEN] = int(now)
        return self.get_response(request)


def _asks_by_itself(request: HttpRequest) -> bool:
    return request.headers.get("HX-Trigger") in BY_THEMSELVES or request.path.endswith("/news")


def _last(request: HttpRequest) -> float | None:
    """When it was used last, else when the person signed in."""
    if SEEN in request.session:
        return float(request.session[SEEN])
    methods = request.session.get("account_authentication_methods") or []
    return float(methods[-1]["at"]) if methods else None
