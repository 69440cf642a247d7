"""How pages look and answer for one browser: colours, density, keys. Kept in cookies; nothing is stored of anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from orchestra.errors import Invalid

#: Cookie -> the values that may be chosen; the first is the usual one.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "scheme": ("system", "light", "dark"),
    "density": ("comfortable", "compact"),
    "keys": ("on", "off"),
    "live": ("on", "off"),
}
A_YEAR: Final = 365 * 24 * 3600


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen, and lead back. Raises Invalid for a value that there is not."""
    chosen = {name: request.POST[name] for name in CHOICES if name in request.POST}
    for name, value in chosen.items():
        if value not in CHOICES[name]:
            raise Invalid.at(f"/{name}", f"This is one of {', '.join(CHOICES[name])}.")
    response = redirect(back(request, otherwise="home"))
    for name, value in chosen.items():
        response.set_cookie(
            name, value, max_age=A_YEAR, samesite="Lax", secure=bool(settings.SESSION_COOKIE_SECURE)
        )
    return response


def back(request: HttpRequest, *, otherwise: str) -> str:
    """Where the person was, when that is one of our own pages; `otherwise` is the name of another one."""
    place = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        place, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return place if ours and place.startswith("/") else reverse(otherwise)
