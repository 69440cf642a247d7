"""Submitting a task: the workflows that one may submit to, and a form made from the input schema of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from orchestra import instants
from orchestra.canonical import Json
from orchestra.engine import claim
from orchestra.errors import (
    Invalid,
    KeyReused,
    LimitHit,
    NotAllowed,
    NotFound,
    OrchestraError,
    Problem,
    StaleState,
)
from orchestra.forms import drawing, reading
from orchestra.intake import tasks
from orchestra.intake.tasks import Request
from orchestra.models import Deployment, Person
from orchestra.people import roles
from orchestra.runs import asked
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.tasks.listing import title
from orchestra.workflows.spec import WorkflowSpec

MOST_SHOWN: Final = 500
MORE_PREFIX: Final = "m"
#: What is asked besides the input of the workflow.
MORE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "subject": {
            "type": "string",
            "maxLength": 200,
            "description": "What it is about, as you will look for it.",
        },
        "reference": {"type": "string", "maxLength": 200, "description": "Your own number for it."},
        "due_at": {
            "type": "string",
            "format": "date-time",
            "title": "Due",
            "description": "When you need it.",
        },
        "labels": {
            "type": "array",
            "maxItems": tasks.MOST_LABELS,
            "items": {"type": "string"},
            "description": "A name and a value, such as shop=north.",
        },
    },
}
CHANGED: Final = "The workflow was published anew since you opened this form. Check what you have filled in, and submit again."
REUSED: Final = "This form was submitted before, with other values. Submit again to make another task."


@dataclass(slots=True)
class Filled:
    """What came of reading a form: the request, and what is wrong with it by the two parts of the form."""

    payload: Json = None
    more: dict[str, Any] = field(default_factory=dict)
    wrong: list[Problem] = field(default_factory=list)
    wrong_more: list[Problem] = field(default_factory=list)


@require_safe
@for_people
def choose(request: HttpRequest, person: Person) -> HttpResponse:
    """The workflows that the person may submit to."""
    rows = roles.visible_to(person, "submit").filter(pk__in=roles.visible_to(person).values("pk"))
    rows = rows.select_related("workflow", "environment", "base_version").order_by(
        "workflow__name", "environment__name"
    )
    shown = [
        {"deployment": row, "says": visible(str(row.base_version.spec.get("description", "")))}
        for row in rows[:MOST_SHOWN]
    ]
    return render(request, "tasks/choose.html", {"section": "tasks", "rows": shown})


@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def new(request: HttpRequest, person: Person, uid: UUID) -> HttpResponse:
    """The form of one workflow, and its submission; 404 for a deployment that they may not see, 403 without the right."""
    deployment = _deployment(uid, person)
    spec = claim.spec_of(deployment.base_version_id)
    filled = Filled()
    error: OrchestraError | None = None
    if request.method == "POST" or not deployment.may_submit:  # type: ignore[attr-defined]  # as it was found
        try:
            return _submit(request, person, deployment, spec, filled)
        except (Invalid, LimitHit, NotAllowed, StaleState) as caught:
            error = caught
    return _shown(request, deployment, spec, filled, error)


def _deployment(uid: UUID, person: Person) -> Deployment:
    """With whether the person `may_submit`. Raises NotFound."""
    may = Exists(roles.visible_to(person, "submit").filter(pk=OuterRef("pk")))
    rows = Deployment.objects.filter(pk__in=roles.visible_to(person).values("pk")).annotate(may_submit=may)
    found = rows.select_related("workflow", "environment", "base_version").filter(uid=uid).first()
    if found is None:
        raise NotFound("It does not exist, or it is not yours to see.")
    return found


def _submit(
    request: HttpRequest, person: Person, deployment: Any, spec: WorkflowSpec, filled: Filled
) -> HttpResponse:
    if not deployment.may_submit:
        raise NotAllowed(_who_grants(deployment))
    if request.POST.get("version") != str(deployment.base_version.uid):
        raise StaleState(CHANGED)
    _read(request, spec, filled)
    if problems := [*filled.wrong, *filled.wrong_more]:
        raise Invalid.of(problems)
    made = _accept(request, person, deployment, filled)
    if not made.repeated:
        messages.success(request, f"Submitted: {title(made.task)}")
    return redirect("tasks:page", made.task.uid)


def _accept(request: HttpRequest, person: Person, deployment: Deployment, filled: Filled) -> tasks.Submitted:
    """The token of the form makes one task of a double click."""
    wanted = Request(
        workflow=deployment.workflow.name,
        environment=deployment.environment.name,
        payload=filled.payload,
        source="form",
        **filled.more,
    )
    try:
        return tasks.accept(wanted, by=person, key=f"form:{_token(request)}")
    except KeyReused:
        raise StaleState(REUSED) from None
    except Invalid as error:
        filled.wrong += error.problems
        raise


def _read(request: HttpRequest, spec: WorkflowSpec, filled: Filled) -> None:
    """Both parts of the form, so that every problem is told at once."""
    try:
        filled.payload = reading.value(spec.input_schema, request.POST)
    except Invalid as error:
        filled.wrong += error.problems
    try:
        more = reading.value(MORE, request.POST, prefix=MORE_PREFIX)
        filled.more = _more(more if isinstance(more, dict) else {})
    except Invalid as error:
        filled.wrong_more += error.problems


def _more(given: dict[str, Any]) -> dict[str, Any]:
    """Subject, reference, due time and labels as a request has them."""
    found: dict[str, Any] = {name: given[name] for name in ("subject", "reference") if name in given}
    if "due_at" in given:
        found["due_at"] = datetime.fromisoformat(given["due_at"])
        if not instants.is_near(found["due_at"]):
            raise Invalid.at("/due_at", instants.TOO_FAR)
        if found["due_at"] <= timezone.now():
            raise Invalid.at("/due_at", "This time has passed already.")
    return {**found, "labels": _labels(given.get("labels", []))}


def _labels(lines: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for index, line in enumerate(lines):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or not equals or name in labels or max(len(name), len(value)) > tasks.LONGEST_TEXT:
            wrong = "Write a name, =, and a value of at most 200 characters each; every name once."
            raise Invalid.of([Problem(f"/labels/{index}", wrong)])
        labels[name] = value
    return labels


def _token(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        raise Invalid.at("", "The form was not complete. Submit it again.") from None


def _who_grants(deployment: Deployment) -> str:
    """In words, with the names of who can change it."""
    people = asked.named(roles.who_may("configure", deployment))
    who = f"Ask {people} for the right." if people else "An administrator can give you the right."
    return f"You may see {deployment}, but submitting tasks there needs the right to submit. {who}"


def _shown(
    request: HttpRequest, deployment: Any, spec: WorkflowSpec, filled: Filled, error: OrchestraError | None
) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    fields = drawing.fields(spec.input_schema, None, typed, filled.wrong)
    more = drawing.fields(MORE, None, typed, filled.wrong_more, prefix=MORE_PREFIX)
    refused = isinstance(error, NotAllowed)
    reused = isinstance(error, StaleState)
    context = {
        "section": "tasks",
        "deployment": deployment,
        "says": visible(spec.description),
        "fields": fields,
        "more": more,
        "open": any(one.value or one.problem for one in more),
        "problem": error,
        "loose": [*drawing.unplaced(fields, filled.wrong), *drawing.unplaced(more, filled.wrong_more)],
        "told": error.message if error is not None and not (filled.wrong or filled.wrong_more) else "",
        "kept": "\n".join(drawing.typed([*fields, *more])) if refused and typed else "",
        "refused": refused,
        "version": deployment.base_version.uid,
        "token": uuid4() if reused or typed is None else typed.get("token", ""),
    }
    return render(request, "tasks/new.html", context, status=error.status if error else 200)
