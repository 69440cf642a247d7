"""Questions over the API: the same are one's own as on the page, and each says whether its reader may answer it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from orchestra.models import HumanTask, Person
from orchestra.people import tokens
from reviews import queue, tasks
from reviews.queue import Filters
from tests import factories
from tests.pages.test_questions_form import HOST, Desk
from tests.pages.test_questions_form import desk as desk
from tests.pages.test_questions_trouble import escalated, in_doubt


def told(person: Person, path: str = "") -> Any:
    """What the API tells this person."""
    made = tokens.mint(holder=person, name="t", wanted=["questions:read"], life=timedelta(hours=1), by="test")
    client = Client(headers={**HOST, "Authorization": f"Bearer {made.text}"})
    answer = client.get(f"/api/v1/questions{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def listed(person: Person, tab: str, more: str = "") -> set[str]:
    return {row["uid"] for row in told(person, f"?tab={tab}{more}")["items"]}


def on_page(person: Person) -> set[str]:
    rows = tasks.rows("yours", queue.reader(person), Filters())
    return {str(row.uid) for row in rows}


def test_own_ones_are_those_of_the_page(desk: Desk) -> None:
    theirs = [desk.question, escalated(desk), in_doubt(desk)]
    own = in_doubt(desk, requester=desk.operator)
    assert listed(desk.operator, "yours") == on_page(desk.operator) == {str(row.uid) for row in theirs}
    assert listed(desk.second_operator, "yours") == {str(row.uid) for row in (*theirs, own)}
    assert listed(desk.reviewer, "yours") == on_page(desk.reviewer) == set()
    assert str(own.uid) in listed(desk.operator, "open")


def test_who_is_asked_and_may_not_review_there_has_none_of_their_own(desk: Desk) -> None:
    desk.question.group = Group.objects.get(name="requesters")
    desk.question.save()
    assert listed(desk.requester, "yours") == set()
    assert "right to review" in told(desk.requester, f"/{desk.question.uid}")["against"]


def test_question_says_why_its_reader_may_not_answer_it(desk: Desk) -> None:
    assert told(desk.operator, f"/{desk.question.uid}")["against"] == ""
    assert "asked of operators" in told(desk.reviewer, f"/{desk.question.uid}")["against"]
    own = in_doubt(desk, requester=desk.operator)
    assert told(desk.operator, f"/{own.uid}")["against"]
    assert told(desk.second_operator, f"/{own.uid}")["against"] == ""


def test_lists_are_told_apart_by_state_kind_and_place(desk: Desk) -> None:
    factories.walk(escalated(desk), "answered")
    assert listed(desk.operator, "open") == {str(desk.question.uid)}
    [closed] = listed(desk.operator, "closed")
    assert HumanTask.objects.get(uid=closed).state == "answered"
    assert listed(desk.operator, "yours", "&kind=unknown") == set()
    assert listed(desk.operator, "yours", "&environment=prod") == set()
    assert listed(desk.operator, "yours", f"&workflow={desk.question.deployment.workflow.name}")


def test_strangers_see_none(desk: Desk) -> None:
    assert listed(desk.outsider, "open") == set()
