"""What every page of somebody who has signed in shows: who they are, what waits for them, which halts are on."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from orchestra.models import Halt, Notice, Person, User
from orchestra.runs import halts

SCHEMES: Final = frozenset({"light", "dark"})
DENSITIES: Final = frozenset({"compact"})


class Section(NamedTuple):
    """A place in the bar: its name in `section` of a page, the name of its address, its words."""

    name: str
    address: str
    title: str


#: The places in the bar, in their order, after the reviewers' queue. A view says `section` to be marked.
SECTIONS: Final[tuple[Section, ...]] = (
    Section("tasks", "tasks:list", "My tasks"),
    Section("runs", "runs:list", "Runs"),
    Section("policies", "policies:list", "Policies"),
    Section("overview", "overview", "Overview"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is asked of the database for people who have not signed in."""
    shown: dict[str, Any] = _preferences(request)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return shown
    number, everything = _halts(someone := person(request))
    return {
        **shown,
        "sections": SECTIONS,
        "person": someone,
        "halts": number,
        "all_halted": everything,
        "unread": getattr(someone, "unread", 0),
    }


def person(request: HttpRequest) -> Person | None:
    """The person behind the account, read once with what the bar shows: halts, and notices that they have not read.

    None for an account of nobody.
    """
    user = request.user
    if not isinstance(user, User) or user.person_id is None:
        return None
    if "person" not in user._state.fields_cache:
        on = _on(Person(pk=user.person_id))
        number = on.order_by().values("state").annotate(number=Count("pk")).values("number")
        user.person = Person.objects.annotate(
            halts_on=Coalesce(Subquery(number, output_field=IntegerField()), 0),
            all_halted=Exists(on.filter(scope="global")),
            unread=Coalesce(Subquery(_unread(), output_field=IntegerField()), 0),
        ).get(pk=user.person_id)
    return user.person


def _on(someone: Person | None) -> QuerySet[Halt]:
    """Those of everything, and those of what they may look at."""
    rows = halts.visible(someone) if someone is not None else Halt.objects.filter(scope="global")
    return rows.filter(state="on")


def _unread() -> QuerySet[Notice, int]:
    rows = Notice.objects.filter(person=OuterRef("pk"), read_at__isnull=True).order_by()
    return rows.values("person").annotate(number=Count("pk")).values_list("number", flat=True)


def _halts(someone: Any) -> tuple[int, bool]:
    """How many are on that they may see, and whether one stops everything; a person who was read elsewhere does not know."""
    if hasattr(someone, "halts_on"):
        return someone.halts_on, someone.all_halted
    scopes = list(_on(someone).values_list("scope", flat=True))
    return len(scopes), "global" in scopes


def _preferences(request: HttpRequest) -> dict[str, str | bool]:
    """What a browser has kept in cookies, so that the first picture is right already."""
    scheme, density = request.COOKIES.get("scheme", ""), request.COOKIES.get("density", "")
    return {
        "scheme": scheme if scheme in SCHEMES else "",
        "density": density if density in DENSITIES else "",
        "keys": request.COOKIES.get("keys", "") != "off",
        "live": request.COOKIES.get("live", "") != "off",
    }
