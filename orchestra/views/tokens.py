"""The page of somebody's API tokens: what there is, a new one (its text is shown once), and an end to one.

A token that decides is made only right after signing in: whoever finds an open laptop is not to take half a day with them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from orchestra.errors import Invalid, NotAllowed
from orchestra.models import Person
from orchestra.people import roles, scopes, tokens
from orchestra.views.access import for_people

#: How long a token may live, as hours and in words.
LIVES: Final[Mapping[int, str]] = {
    1: "1 hour",
    12: "12 hours",
    7 * 24: "7 days",
    30 * 24: "30 days",
    90 * 24: "90 days",
    365 * 24: "a year",
}
USUAL: Final = 30 * 24
#: Seconds after a sign-in in which a token that decides is made without another.
FRESH: Final = 300
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody filled in."""

    name: str = ""
    wanted: list[str] = field(default_factory=list)
    hours: int = USUAL

    @classmethod
    def of(cls, given: QueryDict) -> Typed:
        """From a form, or from an address that leads back to it."""
        hours = given.get("hours", "")
        known = hours in map(str, LIVES)
        wanted = [scope for scope in given.getlist("scopes") if scope in scopes.SCOPES]
        return cls(given.get("name", "")[:LONGEST], wanted, int(hours) if known else USUAL)

    def query(self) -> str:
        """For an address that leads back to the form."""
        return urlencode({"name": self.name, "scopes": self.wanted, "hours": self.hours}, doseq=True)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_people
def page(request: HttpRequest, person: Person) -> HttpResponse:
    """The tokens of the person; a POST makes one."""
    if request.method != "POST":
        return _shown(request, person, Typed.of(request.GET))
    typed = Typed.of(request.POST)
    if scopes.OF_PEOPLE & set(typed.wanted) and not _is_fresh(request):
        return redirect(_sign_in_again(request, typed))
    try:
        made = tokens.mint(
            holder=person,
            name=typed.name,
            wanted=typed.wanted,
            life=timedelta(hours=typed.hours),
            by=roles.name_of(person),
        )
    except Invalid as error:
        return _shown(request, person, typed, status=error.status, problems=_by_field(error))
    return _shown(request, person, Typed(), status=201, made=made)


@require_POST
@for_people
def revoke(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """End one of their tokens now. Raises NotFound for another's."""
    ended = tokens.revoke(uid, holder=person, by=roles.name_of(person))
    messages.success(request, f"{ended.name} ({ended.prefix}…) opens nothing any more.")
    return redirect("tokens:list")


def _shown(
    request: HttpRequest, person: Person, typed: Typed, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "rows": list(tokens.listing(person)),
        "typed": typed,
        "choices": [(name, what, name in scopes.OF_PEOPLE) for name, what in scopes.SCOPES.items()],
        "lives": LIVES,
        **more,
    }
    return render(request, "tokens/list.html", context, status=status)


def _by_field(error: Invalid) -> dict[str, str]:
    """What is wrong with each field; "all" for the rest."""
    return {problem.pointer.strip("/") or "all": problem.message for problem in error.problems}


def _is_fresh(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return any(float(each["at"]) >= time.time() - FRESH for each in records)


def _sign_in_again(request: HttpRequest, typed: Typed) -> str:
    """The page that asks for password, code or passkey, and leads back to the filled form. Raises NotAllowed."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise NotAllowed(
            "A token that decides needs a fresh sign-in, and your account has neither a password nor a second factor."
        )
    messages.info(request, "Confirm that it is you, then make the token: it can decide in your name.")
    back = f"{reverse('tokens:list')}?{typed.query()}"
    return f"{methods[0]['url']}?{urlencode({'next': back})}"


urlpatterns = [
    path("", page, name="list"),
    path("<uuid:uid>/revoke/", revoke, name="revoke"),
]
