"""One proposal: what would happen, why it is asked, and the form to decide. GET only; nothing is decided here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestra.errors import Invalid, NotFound, OrchestraError, Problem
from orchestra.models import Person, Proposal
from orchestra.views.access import for_people
from reviews import queue
from reviews.listing import neighbours
from reviews.proposal import conflict, conversation, diff, effect, evidence, facts, panel, reading
from reviews.proposal.reading import Reading
from reviews.queue import TABS, Filters
from reviews.views import kept, step_up
from reviews.views.kept import Typed


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a decision was not taken, and what was typed for it; `lost` is what no field of this page takes, to copy."""

    error: OrchestraError
    typed: Typed
    lost: str = ""

    @property
    def problems(self) -> Mapping[str, Problem]:
        """What is wrong with the form, by field."""
        found = self.error.problems if isinstance(self.error, Invalid) else ()
        return {problem.pointer.lstrip("/"): problem for problem in found}

    @property
    def told(self) -> Sequence[str]:
        """What is wrong beside the fields."""
        loose = [problem.message for name, problem in self.problems.items() if name not in Typed.__slots__]
        return loose if self.problems else [self.error.message]


@require_safe
@for_people
def detail(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The page of one proposal; 404 for one that is not theirs to see."""
    return shown(request, person, uid)


def shown(request: HttpRequest, person: Person, uid: UUID, refusal: Refusal | None = None) -> HttpResponse:
    """The page, or its panel where htmx asks; with what came of a decision that could not be taken."""
    read = reading.find(uid, person)
    status = refusal.error.status if refusal is not None else 200
    if refusal is not None and getattr(request, "htmx", False):
        return render(
            request, "reviews/_decision.html", _decision(request, person, read, refusal), status=status
        )
    return render(request, "reviews/detail.html", _page(request, person, read, refusal), status=status)


def _page(request: HttpRequest, person: Person, read: Reading, refusal: Refusal | None) -> dict[str, Any]:
    known = evidence.context(read.proposal)
    return {
        **_decision(request, person, read, refusal),
        "section": "reviews",
        "effect": effect.of(read.proposal, known),
        "evidence": evidence.of(read.proposal, known),
        "stops": read.stops,
    }


def _decision(request: HttpRequest, person: Person, read: Reading, refusal: Refusal | None) -> dict[str, Any]:
    """What the panel to decide shows."""
    proposal = read.proposal
    told = facts.of(proposal)
    error = refusal.error if refusal is not None else None
    typed = refusal.typed if refusal is not None else kept.taken(request, proposal.uid)
    lost = refusal.lost if refusal is not None else ""
    asks_again = isinstance(error, Invalid) or error is None or error.status == 403
    return {
        "proposal": proposal,
        "facts": told,
        "panel": panel.of(read, person, halted=bool(getattr(person, "halts_on", True))),
        "read": read,
        "claim": next((each.until for each in read.holders if each.person == person.pk), None),
        "holders": [each for each in read.holders if each.person != person.pk],
        "conflict": conflict.of(proposal, person, None if asks_again else error, lost or typed.reason),
        "refusal": refusal,
        "typed": typed,
        "proven": step_up.proven(request, told.digest),
        "beside": beside(request, person, read),
        "opened": timezone.now(),
        "token": secrets.token_urlsafe(16),
    }


def beside(request: HttpRequest, person: Person, read: Reading) -> neighbours.Neighbours:
    """The neighbours in the tab that the address names; of the reader's own turn when it names none that there is."""
    tab, filters = place(request)
    try:
        return neighbours.of(read.proposal, tab, queue.unread(person), filters)
    except (Invalid, NotFound):
        return neighbours.of(read.proposal, "yours", queue.unread(person), Filters())


def beside_next(request: HttpRequest, person: Person, proposal: Proposal) -> str:
    """The address that follows when this one is decided: what stands behind it, else the first that waits."""
    tab, filters = place(request)
    filters = filters if tab == "yours" else Filters()
    who = queue.unread(person)
    try:
        found = neighbours.of(proposal, "yours", who, filters)
    except Invalid:
        found = neighbours.of(proposal, "yours", who, Filters())
    uid = found.after or found.before
    if uid is None:
        return f"{reverse('reviews:queue')}?{found.query}"
    return f"{reverse('reviews:detail', args=[uid])}?{found.query}"


def place(request: HttpRequest) -> tuple[str, Filters]:
    """Tab and filters of the address."""
    tab = request.GET.get("tab", "yours")
    names = [name for name in Filters.__slots__ if name not in {"before", "after"}]
    filters = Filters(**{name: request.GET.get(name, "")[:200] for name in names})
    return (tab if tab in TABS else "yours"), filters


@require_safe
@for_people
def talk(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The conversation that led to it: a part of the page, or a page of its own."""
    proposal = queue.find(uid, person)
    shown = {"section": "reviews", "proposal": proposal, "sayings": conversation.of(proposal)}
    part = getattr(request, "htmx", False)
    return render(request, "reviews/_talk.html" if part else "reviews/talk.html", shown)


@require_safe
@for_people
def value(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """One value of the effect or the evidence in full; 404 for a place where there is none."""
    proposal = queue.find(uid, person)
    known, at = evidence.context(proposal), request.GET.get("of", "")
    change = effect.of(proposal, known, longest=effect.ALL).find(at)
    change = change or evidence.of(proposal, known, longest=effect.ALL).find(at)
    if change is None:
        raise NotFound("There is no such value.")
    shown = {"section": "reviews", "proposal": proposal, "change": change, "facts": facts.of(proposal)}
    part = getattr(request, "htmx", False)
    return render(request, "reviews/_change.html" if part else "reviews/value.html", shown)


@require_safe
@for_people
def paper(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """One decision on paper: sentence, effect, rules, votes with names and times, digest."""
    read = reading.find(uid, person)
    known = evidence.context(read.proposal)
    shown = {
        "section": "reviews",
        "proposal": read.proposal,
        "facts": facts.of(read.proposal),
        "panel": panel.of(read, person, halted=False),
        "effect": effect.of(read.proposal, known, longest=diff.LONGEST),
        "printed": timezone.now(),
        "reader": person,
    }
    return render(request, "reviews/paper.html", shown)
