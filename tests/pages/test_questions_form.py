"""The page of a question: who sees it, who may answer, what an answer does, and how a refused one comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestra.models import HumanTask, Person, Run, User
from orchestra.people import roles
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import member

FORM_TAG = 'name="version"'
HOST = {"host": "localhost"}
FORM: Mapping[str, Any] = {
    "type": "object",
    "required": ["genuine"],
    "additionalProperties": False,
    "properties": {
        "genuine": {"type": "boolean", "title": "Is it genuine?"},
        "amount": {"type": "integer", "minimum": 1, "maximum": 9},
        "remark": {"type": "string", "maxLength": 500, "description": "What you found."},
    },
}


@dataclass
class Desk:
    """An open form for operators, and the people around it."""

    question: HumanTask
    operator: Person
    second_operator: Person
    reviewer: Person
    requester: Person
    outsider: Person

    @property
    def path(self) -> str:
        return f"/reviews/questions/{self.question.uid}/"


@pytest.fixture
def desk(database: Database) -> Desk:
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    requester = member("rita", "requesters")
    run = factories.run(factories.task(deployment, requester=requester, subject="order W1"))
    question = factories.humantask(
        run,
        title="Is this order genuine?",
        form=dict(FORM),
        context={"step": "ask", "given": {"order": "W1"}},
    )
    olga, otto = member("olga", "operators"), member("otto", "operators")
    outsider = factories.person("nora")
    User.objects.create(username="nora", person=outsider)
    return Desk(question, olga, otto, member("rob", "reviewers"), requester, outsider)


def browser(person: Person, *, csrf: bool = False) -> Client:
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    client.force_login(User.objects.get(person=person), backend="django.contrib.auth.backends.ModelBackend")
    return client


def version(page: str) -> str:
    """What the form says it was made from."""
    found = re.search(r'name="version" value="([0-9a-f]+)"', page)
    return found[1] if found else ""


def page(desk: Desk, person: Person) -> str:
    answer = browser(person).get(desk.path)
    assert answer.status_code == 200
    return answer.content.decode()


def send(desk: Desk, person: Person, seen: str = "", **typed: str) -> tuple[int, str]:
    """Fill in the form as it was `seen` (else as it is now); the status and the page that comes back."""
    client = browser(person)
    made_from = version(seen or client.get(desk.path).content.decode())
    sent = {"version": made_from, **{f"f/{name}": text for name, text in typed.items()}}
    answer = client.post(desk.path, sent)
    return answer.status_code, answer.content.decode()


def now(desk: Desk) -> HumanTask:
    return HumanTask.objects.get(pk=desk.question.pk)


def test_nobody_sees_a_question_without_signing_in(desk: Desk) -> None:
    answer = Client(headers=HOST).get(desk.path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={desk.path}")


def test_stranger_is_told_the_same_of_what_is_not_theirs_and_of_what_is_not_there(desk: Desk) -> None:
    client = browser(desk.outsider)
    for path in (desk.path, f"/reviews/questions/{factories.uid()}/"):
        assert client.get(path).status_code == client.post(path, {}).status_code == 404


def test_page_shows_what_is_asked_about_what_and_the_form(desk: Desk) -> None:
    shown = page(desk, desk.operator)
    for text in ("Is this order genuine?", "order W1", "asked for by rita", "W1", "Is it genuine?", "What you found.",
                 'name="f/genuine"', 'name="f/remark"'):  # fmt: skip
        assert text.lower() in shown.lower()


def test_answer_is_kept_with_who_and_when_and_leads_on(desk: Desk) -> None:
    status, _ = send(desk, desk.operator, genuine="true", amount="3")
    question = now(desk)
    assert (status, question.state, question.answer) == (302, "answered", {"genuine": True, "amount": 3})
    assert question.answered_by == desk.operator
    after = page(desk, desk.second_operator)
    assert "olga" in after
    assert FORM_TAG not in after
    assert "Is it genuine?</dt>" in after


def test_answer_that_does_not_fit_comes_back_with_the_message_at_the_field_and_what_was_typed(
    desk: Desk,
) -> None:
    status, shown = send(desk, desk.operator, amount="many", remark=" a long thought\r\nof two lines")
    assert (status, now(desk).state) == (422, "open")
    assert "This is needed." in shown
    assert "Write a whole number" in shown
    assert 'value="many"' in shown
    assert "\n a long thought\nof two lines</textarea>" in shown
    assert shown.count("autofocus") == 1


def test_second_answer_is_told_of_the_first_and_keeps_what_was_typed(desk: Desk) -> None:
    seen = page(desk, desk.second_operator)
    send(desk, desk.operator, genuine="true")
    status, shown = send(desk, desk.second_operator, seen, genuine="false", remark="it smells")
    assert status == 409
    assert re.search(r"olga has answered this at \d{4}-\d\d-\d\d", shown)
    assert "Is it genuine?: No\nRemark: it smells</textarea>" in shown
    assert now(desk).answer == {"genuine": True}


def test_form_of_something_else_is_refused(desk: Desk) -> None:
    client = browser(desk.operator)
    answer = client.post(desk.path, {"version": "0" * 32, "f/genuine": "true", "f/remark": "kept"})
    assert (answer.status_code, now(desk).state) == (409, "open")
    assert "has changed since you opened it" in answer.content.decode()
    assert "kept</textarea>" in answer.content.decode()


def test_late_answer_is_told_that_its_time_is_over(desk: Desk) -> None:
    seen = page(desk, desk.operator)
    HumanTask.objects.filter(pk=desk.question.pk).update(expires_at=factories.now(-1))
    status, shown = send(desk, desk.operator, seen, genuine="true", remark="in time?")
    assert status == 410
    assert "has run out" in shown
    assert "in time?" in shown


def test_question_that_expired_or_was_taken_back_says_so_and_has_no_form(desk: Desk) -> None:
    for state, words in (
        ("expired", "Nobody answered in time"),
        ("cancelled", "Nobody has to answer this any more"),
    ):
        row = factories.humantask(desk.question.run, form=dict(FORM))
        factories.walk(row, state)
        client = browser(desk.operator)
        shown = client.get(f"/reviews/questions/{row.uid}/").content.decode()
        assert words in shown
        assert FORM_TAG not in shown
        answer = client.post(f"/reviews/questions/{row.uid}/", {"f/genuine": "true"})
        assert answer.status_code == (410 if state == "expired" else 409)


@pytest.mark.parametrize(
    ("who", "words"), [("reviewer", "is not one of them"), ("requester", "is not one of them")]
)
def test_who_may_not_answer_reads_why_and_cannot(desk: Desk, who: str, words: str) -> None:
    person = getattr(desk, who)
    assert words in page(desk, person)
    assert FORM_TAG not in page(desk, person)
    status, shown = send(desk, person, genuine="true", remark="but still")
    assert (status, now(desk).state) == (403, "open")
    assert words in shown
    assert "but still" in shown


def test_member_of_the_group_without_the_right_to_review_here_cannot_answer(desk: Desk) -> None:
    person = member("vera", "requesters")
    User.objects.get(person=person).groups.add(factories.group("asked"))
    HumanTask.objects.filter(pk=desk.question.pk).update(group=factories.group("asked"))
    assert "needs the right to review here" in page(desk, person)
    assert send(desk, person, genuine="true")[0] == 403


def test_halt_is_told_and_the_answer_is_kept_for_when_it_is_lifted(desk: Desk) -> None:
    factories.halt(run=desk.question.run)
    assert "This is halted." in page(desk, desk.operator)
    assert send(desk, desk.operator, genuine="true")[0] == 302
    assert Run.objects.get(pk=desk.question.run_id).state == "queued"


def test_reading_and_forms_from_elsewhere_answer_nothing(desk: Desk) -> None:
    seen = version(page(desk, desk.operator))
    sent = {"version": seen, "f/genuine": "true"}
    assert browser(desk.operator).get(desk.path, sent).status_code == 200
    assert browser(desk.operator).put(desk.path, sent).status_code == 405
    assert browser(desk.operator, csrf=True).post(desk.path, sent).status_code == 403
    assert now(desk).state == "open"


def test_what_others_wrote_is_plain_text_with_unseen_characters_named(desk: Desk) -> None:
    evil = "<script>alert(1)</script>\u202egnp"
    row = factories.humantask(
        desk.question.run, title=evil, context={"given": {evil: [evil, {evil: evil}]}}, form={}
    )
    shown = browser(desk.operator).get(f"/reviews/questions/{row.uid}/").content.decode()
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "⟨U+202E⟩" in shown


def test_page_asks_the_database_few_times(desk: Desk) -> None:
    client = browser(desk.operator)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(desk.path).status_code == 200
    sql = [one["sql"] for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))]
    assert len(sql) <= 8, "\n".join(text[:300] for text in sql)
