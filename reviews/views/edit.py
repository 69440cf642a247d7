"""Edit, then approve: a form from the tool's schema, the difference to look at, then the edit itself. GET changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.errors import Invalid, NotAllowed, OrchestraError, Problem, StaleState
from orchestra.forms import drawing, reading
from orchestra.models import Edit, Person, Proposal
from orchestra.tools import toolbox
from orchestra.views.access import for_people
from reviews import decisions, queue
from reviews.proposal import diff, effect, facts
from reviews.views import decide, detail, kept
from reviews.views.decide import REFUSALS, onward
from reviews.views.detail import Refusal

SAME: Final = "Nothing is changed yet. Change a value, or approve it as it is."
SENT: Final = (
    "Changed: what you wrote is judged anew, and your vote counts for it where the rules let editors vote."
)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The form, the difference, or the edit. Who is signed out comes back to the form."""
    if not request.user.is_authenticated and not getattr(request, "htmx", False):
        return redirect_to_login(request.path)
    return _edit(request, uid=uid)


@for_people
def _edit(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    proposal = queue.find(uid, person)
    if request.method == "POST":
        return _sent(request, person, proposal)
    if proposal.state != "pending":
        return redirect("reviews:detail", uid)
    _is_editable(proposal, person)
    return _shown(request, proposal, fields=drawing.fields(_schema(proposal), proposal.toolcall.arguments))


def _sent(request: HttpRequest, person: Person, proposal: Proposal) -> HttpResponse:
    """What is not fit comes back in the form; else the difference is shown, or sent when it was seen before."""
    try:
        _is_editable(proposal, person)
        wanted = _read(request, proposal)
        if request.POST.get("seen") != canonical.digest(wanted).hex():
            return _difference(request, proposal, wanted)
    except Invalid as error:
        return _wrong(request, proposal, error.problems)
    except NotAllowed as error:
        if facts.hidden(proposal):
            raise
        return _refused(request, person, proposal, error)
    return _save(request, person, proposal, wanted)


def _save(request: HttpRequest, person: Person, proposal: Proposal, wanted: dict[str, Json]) -> HttpResponse:
    following = detail.beside_next(request, person, proposal)
    try:
        _send(request, person, proposal, wanted)
    except Invalid as error:
        found = error.problems or [Problem("", error.message)]
        return _difference(request, proposal, wanted, problems=found, status=422)
    except REFUSALS as error:
        return _refused(request, person, proposal, error)
    messages.success(request, f"{SENT} It was: {proposal.sentence}")
    return onward(request, following)


def _is_editable(proposal: Proposal, person: Person) -> None:
    """Raises NotAllowed for who may not decide, where a form would show what is hidden, or where there is no schema."""
    if proposal.state == "pending" and (against := resolve.objection(proposal, person)):
        raise NotAllowed(against)
    if facts.hidden(proposal):
        raise NotAllowed(
            "Some of its values are not shown to reviewers, so it cannot be edited. Ask for changes instead."
        )
    if proposal.toolcall.tool_version_id is None:
        raise NotAllowed("This call names no tool that is known here, so there is nothing to edit it by.")


def _schema(proposal: Proposal) -> Any:
    version = proposal.toolcall.tool_version_id
    return toolbox.declared(version).arguments if version is not None else {}


def _read(request: HttpRequest, proposal: Proposal) -> dict[str, Json]:
    """The arguments of the form. Raises Invalid with every problem, and for what changes nothing."""
    before = proposal.toolcall.arguments
    wanted = reading.value(_schema(proposal), request.POST, start=before)
    if not isinstance(wanted, dict):
        raise Invalid.at("", "The arguments are one object.")
    if canonical.encode(wanted) == canonical.encode(before):
        raise Invalid.of([Problem("", SAME)])
    return wanted


def _wrong(request: HttpRequest, proposal: Proposal, problems: Iterable[Problem]) -> HttpResponse:
    """The form again, with what was typed and a message at each field."""
    found = list(problems)
    fields = drawing.fields(_schema(proposal), proposal.toolcall.arguments, request.POST, found)
    return _shown(request, proposal, fields=fields, problems=drawing.unplaced(fields, found), status=422)


def _difference(request: HttpRequest, proposal: Proposal, wanted: Json, **more: Any) -> HttpResponse:
    """The form as it was typed, under what it would change."""
    fields = drawing.fields(_schema(proposal), proposal.toolcall.arguments, request.POST)
    change = diff.compare(proposal.toolcall.arguments, wanted, at="/args", longest=effect.ALL)
    return _shown(
        request, proposal, fields=fields, seen=canonical.digest(wanted).hex(), difference=change, **more
    )


def _send(request: HttpRequest, person: Person, proposal: Proposal, wanted: dict[str, Json]) -> None:
    """The edit; a second click on the same form is no second edit."""
    said = decide.said(request)
    try:
        decisions.edit(proposal.uid, by=person, arguments=wanted, **said)
    except StaleState:
        token = said["authentication"].get("form")
        if (
            not token
            or not Edit.objects.filter(proposal=proposal, person=person, authentication__form=token).exists()
        ):
            raise


def _refused(request: HttpRequest, person: Person, proposal: Proposal, error: OrchestraError) -> HttpResponse:
    """The page of the proposal says why; what was typed stands there to be copied."""
    fields = drawing.fields(_schema(proposal), proposal.toolcall.arguments, request.POST)
    typed = kept.typed(request)
    lost = "\n".join([*drawing.typed(fields), *([typed.reason] if typed.reason else [])])
    return detail.shown(request, person, proposal.uid, Refusal(error, typed, lost))


def _shown(request: HttpRequest, proposal: Proposal, *, status: int = 200, **more: Any) -> HttpResponse:
    problems: Iterable[Problem] = more.get("problems", ())
    shown = {
        "section": "reviews",
        "proposal": proposal,
        "wrong_reason": next((one.message for one in problems if one.pointer == "/reason"), ""),
        "facts": facts.of(proposal),
        "needs_reason": facts.needs_reason(proposal),
        "typed": kept.typed(request),
        "opened": kept.opened(request) or timezone.now(),
        "token": request.POST.get("token") or secrets.token_urlsafe(16),
        **more,
    }
    return render(request, "reviews/edit.html", shown, status=status)
