"""Takes a decision from the form of a proposal. POST only, and only for the digest that the form displayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from orchestra import canonical
from orchestra.errors import Expired, Halted, Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Person, Proposal, User
from orchestra.views.access import for_people
from reviews import decisions, queue
from reviews.queue import Filters
from reviews.views import detail
from reviews.views.access import reader

SAID: Final[Mapping[str, str]] = {
    "approve": "Approved",
    "reject": "Rejected",
    "changes": "Sent back",
    "edit": "Changed, and approved as changed",
}


@require_POST
@for_people
def decide(request: HttpRequest, person: Person, uid: UUID, verb: str) -> HttpResponse:
    """Vote; then on to what waits next. What cannot be taken comes back with the reason, and with the typed text."""
    if verb not in VOTES:
        raise NotFound(f"There is nothing to do that is called {verb[:40]!r}.")
    queue.find(uid, person)
    try:
        proposal = VOTES[verb](request, person, uid)
    except (Invalid, NotAllowed, StaleState, Expired, Halted) as error:
        kept = {"problem": error, "typed": request.POST.get("reason", "")}
        return detail.shown(request, person, uid, status=error.status, **kept)
    messages.success(request, f"{SAID[verb]}: {proposal.sentence} ({_standing(proposal)})")
    following = queue.page("yours", reader(request, person), Filters()).rows
    return redirect("reviews:detail", following[0].uid) if following else redirect("reviews:queue")


def _standing(proposal: Proposal) -> str:
    if proposal.state != "pending":
        return f"now {proposal.state}"
    if proposal.effective_at is not None:
        return f"counts from {proposal.effective_at:%H:%M:%S} UTC"
    return "your vote is counted; others are still needed"


def _digest(request: HttpRequest) -> bytes:
    try:
        return bytes.fromhex(request.POST.get("digest", ""))
    except ValueError:
        raise Invalid.at("/digest", "The form does not say what it displayed. Read the page again.") from None


def _said(request: HttpRequest) -> dict[str, Any]:
    user = request.user
    return {
        "reason": request.POST.get("reason", ""),
        "account": user if isinstance(user, User) else None,
        "opened_at": _opened(request),
    }


def _opened(request: HttpRequest) -> datetime | None:
    try:
        found = datetime.fromisoformat(request.POST.get("opened", ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _approve(request: HttpRequest, person: Person, uid: UUID) -> Proposal:
    return decisions.approve(uid, by=person, digest=_digest(request), **_said(request))


def _reject(request: HttpRequest, person: Person, uid: UUID) -> Proposal:
    category = request.POST.get("category", "")[:40]
    return decisions.reject(uid, by=person, digest=_digest(request), category=category, **_said(request))


def _changes(request: HttpRequest, person: Person, uid: UUID) -> Proposal:
    return decisions.ask_changes(uid, by=person, digest=_digest(request), **_said(request))


def _edit(request: HttpRequest, person: Person, uid: UUID) -> Proposal:
    arguments = canonical.parse(request.POST.get("arguments", ""))
    if not isinstance(arguments, dict):
        raise Invalid.at("/arguments", "The arguments are one JSON object.")
    return decisions.edit(uid, by=person, digest=_digest(request), arguments=arguments, **_said(request))


VOTES: Final[Mapping[str, Callable[[HttpRequest, Person, UUID], Proposal]]] = {
    "approve": _approve,
    "reject": _reject,
    "changes": _changes,
    "edit": _edit,
}
