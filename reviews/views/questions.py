"""One question: what is asked and why, and the form of the answer. Answers go through the engine's function alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from orchestra.engine import tasks as answers
from orchestra.errors import Expired, Halted, Invalid, NotAllowed, OrchestraError, StaleState
from orchestra.forms import drawing, reading
from orchestra.models import HumanTask, Person
from orchestra.unseen import visible
from orchestra.views.access import for_people
from reviews import questions, tasks
from reviews.proposal import facts

REFUSALS = (Invalid, NotAllowed, StaleState, Expired, Halted)
CHANGED = "The question has changed since you opened it. Read it again, then answer."


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def question(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The page of one question, and its answer; 404 for one that is not theirs to see."""
    found = tasks.find(uid, person)
    if request.method != "POST":
        return _shown(request, person, found)
    try:
        answered = _answer(request, person, found)
    except REFUSALS as error:
        return _shown(request, person, tasks.find(uid, person), error)
    messages.success(request, f"Answered: {visible(answered.title)}")
    return redirect("reviews:queue")


def _answer(request: HttpRequest, person: Person, question: HumanTask) -> HumanTask:
    """Who may and whether it is open comes first: nobody mends a form in vain."""
    if question.state == "open":
        if against := answers.objection(question, person):
            raise NotAllowed(against)
        if request.POST.get("version") != questions.version(question):
            raise StaleState(CHANGED)
    values = _values(request, question)
    return answers.answer(uid=question.uid, by=person, values=questions.values(values))


def _values(request: HttpRequest, question: HumanTask) -> Any:
    """What was typed; of a question that is closed anything will do, the engine says why it is refused."""
    if question.state != "open":
        return {}
    return reading.value(questions.schema(question), request.POST)


def _shown(
    request: HttpRequest, person: Person, question: HumanTask, error: OrchestraError | None = None
) -> HttpResponse:
    told = questions.of(question, person)
    tier = question.tier  # type: ignore[attr-defined]  # as it was found
    typed = request.POST if error is not None else None
    problems = error.problems if isinstance(error, Invalid) else ()
    fields = drawing.fields(questions.schema(question), None, typed, problems)
    may = question.state == "open" and not told.against
    context = {
        "section": "reviews",
        "facts": told,
        "tier": tier,
        "tier_word": facts.TIERS[tier],
        "fields": fields if may else (),
        "version": questions.version(question),
        "problem": error,
        "loose": drawing.unplaced(fields, problems),
        "kept": "" if may or error is None else "\n".join(drawing.typed(fields)),
    }
    return render(request, "reviews/question.html", context, status=error.status if error else 200)
