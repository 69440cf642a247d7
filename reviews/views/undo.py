"""The offer to take the last decision back, on whatever page somebody is while it still can be; and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_POST

from orchestra.errors import StaleState
from orchestra.models import Person, Proposal
from orchestra.views import preferences
from orchestra.views.access import for_people
from reviews import decisions, queue
from reviews.views import detail
from reviews.views.detail import Refusal
from reviews.views.kept import Typed

KEY: Final = "undo"


def offer(request: HttpRequest, proposal: Proposal, said: str) -> None:
    """Remember the last decision that takes effect after a while; what does not, hides no offer that is open still."""
    if proposal.effective_at is None:
        return
    request.session[KEY] = {
        "uid": str(proposal.uid),
        "said": said,
        "sentence": proposal.sentence[:200],
        "until": proposal.effective_at.isoformat(),
    }


def undo(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the offer, while its window is open."""
    return {"undo": SimpleLazyObject(lambda: _offer(request))}


def _offer(request: HttpRequest) -> dict[str, Any] | None:
    session = getattr(request, "session", None)
    found = session.get(KEY) if session is not None else None
    if not isinstance(found, dict):
        return None
    until = datetime.fromisoformat(found["until"])
    left = round((until - timezone.now()).total_seconds())
    return {**found, "until": until, "left": left} if left > 0 else None


@require_POST
@for_people
def withdraw(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """Take the own vote back; then to the proposal, which is open again."""
    queue.find(uid, person)
    try:
        proposal = decisions.withdraw(uid, by=person)
    except StaleState as error:
        return detail.shown(request, person, uid, Refusal(error, Typed()))
    forget(request, uid)
    messages.success(request, f"Taken back: {proposal.sentence}. Your vote does not count any more.")
    return redirect("reviews:detail", uid)


def forget(request: HttpRequest, uid: UUID) -> None:
    """The offer is gone."""
    if request.session.get(KEY, {}).get("uid") == str(uid):
        del request.session[KEY]


@require_POST
@for_people
def dismiss(request: HttpRequest, person: Person) -> HttpResponse:  # noqa: ARG001  one must be somebody
    """Put the offer away, and stay; it remains on the page of the proposal."""
    request.session.pop(KEY, None)
    return redirect(preferences.back(request, otherwise="reviews:queue"))
