"""Questions over the API: what people are asked besides proposals, and their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from orchestra.api import callers, cursors, shapes
from orchestra.api.callers import Token
from orchestra.api.shapes import Cursor, Given, Place, Short
from orchestra.engine import tasks as answers
from orchestra.engine.connections import borrow
from orchestra.models import HumanTask, Person
from reviews import queue, tasks
from reviews.queue import Filters

router = Router(tags=["Questions"])
ON_PAGE: Final = 50


class QuestionListed(BaseModel):
    """A question in a list."""

    uid: UUID
    kind: str = Field(description="form, escalation or unknown")
    state: str
    title: str
    place: Place
    run: UUID
    group: str = Field(description="Who is asked.")
    created_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


class QuestionTold(QuestionListed):
    """One question: what is known, and the form of its answer (a JSON Schema)."""

    context: dict[str, Any]
    form: dict[str, Any]
    answer: Any
    answered_by: str
    against: str = Field(description="Why you may not answer it; empty if you may, or when it is closed.")


class QuestionPage(BaseModel):
    """Questions: open ones the oldest first, others the newest first."""

    items: list[QuestionListed]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class QuestionFilters(BaseModel):
    """What is wanted of the questions."""

    tab: Literal["yours", "open", "closed"] = Field(
        "yours", description="yours: open, and yours to answer; open: all that are; closed: the others"
    )
    kind: Literal["", "form", "escalation", "unknown"] = ""
    workflow: Short = ""
    environment: Short = ""
    cursor: Cursor = ""


class Answer(Given):
    """What is answered."""

    values: dict[str, Any] = Field(description="As the question's form wants it.")


@router.get("", response=shapes.answers(QuestionPage), auth=Token("questions:read"))
def list_questions(request: HttpRequest, filters: Query[QuestionFilters]) -> QuestionPage:
    """Questions that the token's holder may see."""
    rows = _filtered(callers.of(request).person(), filters)
    if (after := cursors.number(filters.cursor)) is not None:
        rows = rows.filter(pk__lt=after) if filters.tab == "closed" else rows.filter(pk__gt=after)
    found = list(rows.order_by("-pk" if filters.tab == "closed" else "pk")[: ON_PAGE + 1])
    following = cursors.made(found[ON_PAGE - 1].pk) if len(found) > ON_PAGE else None
    return QuestionPage(items=[_listed(row) for row in found[:ON_PAGE]], next=following)


@router.get("/{uuid:uid}", response=shapes.answers(QuestionTold, 404), auth=Token("questions:read"))
def get_question(request: HttpRequest, uid: UUID) -> QuestionTold:
    """One question with the form of its answer."""
    return _find(uid, callers.of(request).person())


@router.post(
    "/{uuid:uid}/answer",
    response=shapes.answers(QuestionTold, 404, 409, 410, 413, 415),
    auth=Token("questions:answer"),
)
def answer_question(request: HttpRequest, uid: UUID, body: Answer) -> QuestionTold:
    """Answer an open question, once; the run goes on with it."""
    person = callers.of(request).person()
    _find(uid, person)
    answers.answer(uid=uid, by=person, values=body.values)
    return _find(uid, person)


def _filtered(person: Person, filters: QuestionFilters) -> QuerySet[HumanTask]:
    """As the queue has them, so that a list and a page agree on whose turn it is."""
    wanted = Filters(workflow=filters.workflow, environment=filters.environment)
    rows = tasks.rows(filters.tab, queue.reader(person), wanted)
    return rows.filter(kind=filters.kind) if filters.kind else rows


def _find(uid: UUID, person: Person) -> QuestionTold:
    """A question that they may see. Raises NotFound."""
    with borrow():
        row = tasks.find(uid, person)
        against = answers.objection(row, person) if row.state == "open" else None
    return QuestionTold(
        **_facts(row),
        context=row.context,
        form=row.form,
        answer=row.answer,
        answered_by=row.answered_by.name if row.answered_by is not None else "",
        against=against or "",
    )


def _listed(row: HumanTask) -> QuestionListed:
    return QuestionListed(**_facts(row))


def _facts(row: HumanTask) -> dict[str, Any]:
    names = ("uid", "kind", "state", "title", "created_at", "expires_at", "finished_at")
    return {
        **{name: getattr(row, name) for name in names},
        "place": shapes.place(row.deployment),
        "run": row.run.uid,
        "group": row.group.name,
    }
