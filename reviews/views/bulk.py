"""Several proposals on one page: read each, give one reason, decide. GET shows, POST decides what the page displayed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from orchestra.errors import Invalid, NotAllowed, StaleState
from orchestra.models import Person, User
from orchestra.views.access import for_people
from reviews import bulk as several
from reviews.bulk import Ballot, Item
from reviews.proposal import panel
from reviews.views import decide, kept, step_up
from reviews.views.access import reader

LONGEST_REASON: Final = 4_000
NOTHING: Final = "There is nothing here that you may decide so. Nothing was changed."


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def bulk(request: HttpRequest, person: Person) -> HttpResponse:
    """The page of a set, or what came of it. 404 when anything in it is not theirs to see, 422 for no set at all."""
    sent = request.POST if request.method == "POST" else request.GET
    verb = sent.get("verb", "")
    if verb not in several.VERBS:
        raise Invalid.at("/verb", f"This is one of {', '.join(several.VERBS)}.")
    items = several.items(several.read(sent.getlist("item")), verb, reader(request, person))
    if request.method != "POST":
        return _shown(request, verb, items)
    ballot = _ballot(request, verb)
    if all(item.against for item in items) and not several.taken(items, ballot, person):
        return _shown(request, verb, items, status=_refusal(items), problem=NOTHING)
    if problem := _problem(ballot, items):
        return _shown(request, verb, items, status=422, problem=problem)
    outcomes = several.decide(items, ballot, person)
    decided = sum(outcome.done for outcome in outcomes)
    shown = {"section": "reviews", "title": several.VERBS[verb], "outcomes": outcomes, "decided": decided}
    return render(request, "reviews/bulk_done.html", shown)


def _shown(
    request: HttpRequest, verb: str, items: Sequence[Item], *, status: int = 200, **more: object
) -> HttpResponse:
    open_ = [item for item in items if not item.against]
    shown: dict[str, Any] = {
        "section": "reviews",
        "verb": verb,
        "title": several.VERBS[verb],
        "open": open_,
        "apart": [item for item in items if item.against],
        "categories": panel.CATEGORIES if verb == "reject" else {},
        "needs_reason": _needs_reason(verb, open_),
        "typed": kept.text(request, "reason")[: kept.LONGEST],
        "chosen": request.POST.get("category", ""),
        "opened": timezone.now(),
        "token": secrets.token_urlsafe(16),
        **more,
    }
    return render(request, "reviews/bulk.html", shown, status=status)


def _refusal(items: Sequence[Item]) -> int:
    """Something was decided meanwhile, or it was never theirs to decide."""
    return StaleState.status if any(item.proposal.state != "pending" for item in items) else NotAllowed.status


def _ballot(request: HttpRequest, verb: str) -> Ballot:
    account = request.user if isinstance(request.user, User) else None
    category = request.POST.get("category", "")
    if category and category not in panel.CATEGORIES:
        raise Invalid.at("/category", "This is not one of the categories.")
    return Ballot(
        verb,
        dict(_digests(request.POST)),
        kept.text(request, "reason"),
        category,
        account,
        kept.opened(request),
        step_up.authentication(request, "", request.POST.get("token", "")[: decide.LONGEST_TOKEN]),
    )


def _digests(sent: QueryDict) -> Iterator[tuple[UUID, bytes]]:
    """The digest that the page displayed for each item; one that is missing or broken fits nothing."""
    for text in sent.getlist("item"):
        try:
            yield UUID(text), bytes.fromhex(sent.get(f"digest-{text}", ""))
        except ValueError:
            continue


def _problem(ballot: Ballot, items: Sequence[Item]) -> str:
    if _needs_reason(ballot.verb, items) and not ballot.reason.strip():
        return "Say why: the reason is kept, and the agent gets it."
    if len(ballot.reason) > LONGEST_REASON:
        return f"A reason has at most {LONGEST_REASON} characters."
    return ""


def _needs_reason(verb: str, items: Sequence[Item]) -> bool:
    return verb != "approve" or any(item.proposal.requirements.get("reason") for item in items)
