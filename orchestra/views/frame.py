"""What every page of somebody who has signed in shows: who they are, what waits for them, which halts are on."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.http import HttpRequest

from orchestra.models import Halt, Person, User

SCHEMES: Final = frozenset({"light", "dark"})
DENSITIES: Final = frozenset({"compact"})


class Section(NamedTuple):
    """A place in the bar: its name in `section` of a page, the name of its address, its words."""

    name: str
    address: str
    title: str


#: The places in the bar, in their order, after the reviewers' queue. A view says `section` to be marked.
SECTIONS: Final[tuple[Section, ...]] = ()


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is asked of the database for people who have not signed in."""
    shown: dict[str, Any] = _preferences(request)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return shown
    return {
        **shown,
        "sections": SECTIONS,
        "person": person(request),
        "halts": Halt.objects.filter(state="on").count(),
    }


def person(request: HttpRequest) -> Person | None:
    """The person behind the account; None for an account of nobody."""
    user = request.user
    return user.person if isinstance(user, User) else None


def _preferences(request: HttpRequest) -> dict[str, str | bool]:
    """What a browser has kept in cookies, so that the first picture is right already."""
    scheme, density = request.COOKIES.get("scheme", ""), request.COOKIES.get("density", "")
    return {
        "scheme": scheme if scheme in SCHEMES else "",
        "density": density if density in DENSITIES else "",
        "keys": request.COOKIES.get("keys", "") != "off",
    }
