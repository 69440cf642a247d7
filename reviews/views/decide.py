"""Takes a decision from the form of a proposal. POST only, and only for what the form displayed: proposal, digest, state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from orchestra.errors import Expired, Halted, Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Approval, Person, Proposal, User
from orchestra.views.access import for_people
from reviews import decisions, queue
from reviews.proposal import panel
from reviews.views import detail, kept, step_up, undo
from reviews.views.detail import Refusal

SAID: Final[Mapping[str, str]] = {"approve": "Approved", "reject": "Rejected", "changes": "Sent back"}
#: What a decision may be refused with, in the page of the proposal.
REFUSALS: Final = (Invalid, NotAllowed, StaleState, Expired, Halted)
LONGEST_TOKEN: Final = 64


@require_POST
def decide(request: HttpRequest, uid: UUID, verb: str) -> HttpResponse:
    """Vote; then on to what waits next. Who is signed out is led back to the proposal, not to this address."""
    if not request.user.is_authenticated and not getattr(request, "htmx", False):
        return redirect_to_login(reverse("reviews:detail", args=[uid]))
    return _decide(request, uid=uid, verb=verb)


@for_people
def _decide(request: HttpRequest, person: Person, uid: UUID, verb: str) -> HttpResponse:
    """What cannot be taken comes back with the reason, and with the typed text."""
    if verb not in VOTES:
        raise NotFound(f"There is nothing to do that is called {verb[:40]!r}.")
    proposal = queue.find(uid, person)
    if verb == "approve" and _wants_proof(request, proposal):
        return _challenge(request, person, proposal)
    following = detail.beside_next(request, person, proposal)
    try:
        _is_as_displayed(request, proposal)
        proposal = VOTES[verb](request, person, proposal)
    except REFUSALS as error:
        done = _done_before(request, person, uid) if isinstance(error, StaleState) else None
        if done is None:
            return detail.shown(request, person, uid, Refusal(error, kept.typed(request)))
        proposal = done
    _tell(request, proposal, verb)
    return onward(request, following)


def onward(request: HttpRequest, address: str) -> HttpResponse:
    """To another page, whoever asked."""
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else redirect(address)


def _tell(request: HttpRequest, proposal: Proposal, verb: str) -> None:
    step_up.used(request)
    if proposal.state == "pending" and verb == "approve":
        undo.offer(request, proposal, SAID[verb])
    messages.success(request, f"{SAID[verb]}: {proposal.sentence} ({_standing(proposal, verb)})")


def _standing(proposal: Proposal, verb: str) -> str:
    """What a vote has come to."""
    if proposal.state != "pending":
        return f"now {proposal.state}"
    said = panel.window(proposal, approving=verb == "approve")
    return said or "your vote is counted; others are still needed"


def _wants_proof(request: HttpRequest, proposal: Proposal) -> bool:
    """Whether the rule asks for a fresh sign-in that has not been given for exactly this."""
    asks = proposal.state == "pending" and proposal.requirements.get("step_up")
    return bool(asks) and step_up.proven(request, bytes(proposal.digest).hex()) is None


def _challenge(request: HttpRequest, person: Person, proposal: Proposal) -> HttpResponse:
    """To the page that takes password, code or passkey, and back; what is typed is kept meanwhile."""
    back = f"{reverse('reviews:detail', args=[proposal.uid])}?{request.GET.urlencode()}"
    try:
        address = step_up.challenge(request, bytes(proposal.digest).hex(), back=back)
    except NotAllowed as error:
        return detail.shown(request, person, proposal.uid, Refusal(error, kept.typed(request)))
    kept.keep(request, proposal.uid)
    return onward(request, address)


def _is_as_displayed(request: HttpRequest, proposal: Proposal) -> None:
    """Raises StaleState for the form of another proposal, or of another state of this one."""
    if request.POST.get("proposal", str(proposal.uid)) != str(proposal.uid):
        raise StaleState("The form was made for another proposal. Read this one, and decide anew.")
    if proposal.state == "pending" and request.POST.get("state", proposal.state) != proposal.state:
        raise StaleState("Something has changed since you opened this. Read it again, and decide anew.")


def _done_before(request: HttpRequest, person: Person, uid: UUID) -> Proposal | None:
    """The proposal, if this very form was taken already: a second click is no second decision."""
    token = _token(request)
    made = Approval.objects.filter(proposal__uid=uid, person=person, withdrawn_at__isnull=True)
    if not token or not made.filter(authentication__form=token).exists():
        return None
    return queue.find(uid, person)


def _token(request: HttpRequest) -> str:
    return request.POST.get("token", "")[:LONGEST_TOKEN]


def digest(request: HttpRequest) -> bytes:
    """What the form displayed. Raises Invalid."""
    try:
        return bytes.fromhex(request.POST.get("digest", ""))
    except ValueError:
        raise Invalid.at("/digest", "The form does not say what it displayed. Read the page again.") from None


def said(request: HttpRequest) -> dict[str, Any]:
    """What goes with every decision."""
    user = request.user
    seen = digest(request)
    return {
        "digest": seen,
        "reason": kept.text(request, "reason"),
        "account": user if isinstance(user, User) else None,
        "opened_at": kept.opened(request),
        "authentication": step_up.authentication(request, seen.hex(), _token(request)),
    }


def _approve(request: HttpRequest, person: Person, proposal: Proposal) -> Proposal:
    """Of something critical, only by who has typed what it is about."""
    if proposal.state == "pending" and proposal.tier >= panel.TYPED_FROM_TIER:
        wanted = panel.target(proposal)
        if request.POST.get("target", "").strip() != wanted.strip():
            raise Invalid.at(
                "/target", f"This is critical: type {wanted} to show that you have read what it is about."
            )
    return decisions.approve(proposal.uid, by=person, **said(request))


def _reject(request: HttpRequest, person: Person, proposal: Proposal) -> Proposal:
    category = request.POST.get("category", "")
    if category and category not in panel.CATEGORIES:
        raise Invalid.at("/category", "Choose one of the list, or none.")
    return decisions.reject(proposal.uid, by=person, category=category, **said(request))


def _changes(request: HttpRequest, person: Person, proposal: Proposal) -> Proposal:
    return decisions.ask_changes(proposal.uid, by=person, **said(request))


VOTES: Final[Mapping[str, Callable[[HttpRequest, Person, Proposal], Proposal]]] = {
    "approve": _approve,
    "reject": _reject,
    "changes": _changes,
}
