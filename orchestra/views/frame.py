"""What every page of somebody who has signed in shows: who they are, what waits for them, which halts are on."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from orchestra.models import Halt, Person, User

SCHEMES: Final = frozenset({"light", "dark"})


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is asked of the database for people who have not signed in."""
    scheme = request.COOKIES.get("scheme", "")
    shown: dict[str, Any] = {"scheme": scheme if scheme in SCHEMES else ""}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return shown
    return {**shown, "person": person(request), "halts": Halt.objects.filter(state="on").count()}


def person(request: HttpRequest) -> Person | None:
    """The person behind the account; None for an account of nobody."""
    user = request.user
    return user.person if isinstance(user, User) else None
