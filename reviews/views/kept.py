"""What somebody typed for a decision, read from the form and kept over a fresh sign-in. Refuses to keep more than one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from orchestra import instants

KEY: Final = "typed"
LONGEST: Final = 8_000


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields that a person fills."""

    reason: str = ""
    category: str = ""
    target: str = ""


def typed(request: HttpRequest) -> Typed:
    """What the form sent."""
    return Typed(**{name: text(request, name)[:LONGEST] for name in Typed.__slots__})


def text(request: HttpRequest, name: str) -> str:
    """A field as it was typed: browsers count the end of a line as one character, and send two."""
    return request.POST.get(name, "").replace("\r\n", "\n")


def keep(request: HttpRequest, uid: UUID) -> None:
    """Keep what the form sent until the page of the proposal is opened again."""
    request.session[KEY] = {"of": str(uid), **asdict(typed(request))}


def taken(request: HttpRequest, uid: UUID) -> Typed:
    """What was kept for this proposal, once."""
    found = request.session.get(KEY)
    if not isinstance(found, dict) or found.get("of") != str(uid):
        return Typed()
    del request.session[KEY]
    return Typed(**{name: str(found.get(name, "")) for name in Typed.__slots__})


def opened(request: HttpRequest) -> datetime | None:
    """When the page was opened, as the form says; None where that cannot be."""
    try:
        found = datetime.fromisoformat(request.POST.get("opened", ""))
    except ValueError:
        return None
    return instants.witnessed(found, timezone.now())
