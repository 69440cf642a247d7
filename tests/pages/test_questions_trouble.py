"""Questions about what cannot go on, and about calls in doubt: what the page tells, and what each answer becomes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestra.engine.questions import RUN_FORM, STEP_FORM, UNKNOWN_FORM
from orchestra.models import HumanTask, Person, Run
from tests import factories
from tests.decisions.conftest import member
from tests.pages.test_questions_form import Desk, browser, version
from tests.pages.test_questions_form import desk as desk

FAILED: dict[str, Any] = {
    "step": "look",
    "item": -1,
    "failure_class": "tool_timeout",
    "error": "the shop is <away>\u202e",
    "attempts": 3,
}


def escalated(desk: Desk, **columns: Any) -> HumanTask:
    """A run that stands still until operators say what to do."""
    given = {
        "kind": "escalation",
        "title": "look failed",
        "form": dict(STEP_FORM),
        "context": FAILED,
        **columns,
    }
    return factories.humantask(desk.question.run, **given)


def in_doubt(desk: Desk, requester: Person | None = None) -> HumanTask:
    """A call that was sent, and of which no answer came."""
    run = desk.question.run
    if requester is not None:
        run = factories.run(factories.task(run.deployment, requester=requester))
    call = factories.toolcall(
        factories.step(run), tier=4, target="https://pay.example", key="orc-7", body=b'{"order":"W1"}',
        arguments={"order": "W1"},
    )  # fmt: skip
    factories.walk(call, "dispatched")
    factories.dispatch(call, worker=factories.worker(name="worker-a"))
    factories.walk(call, "unknown")
    context = {"step": "pay", "sentence": "Refund 5.00 EUR of W1"}
    return factories.humantask(
        run, kind="unknown", toolcall=call, title="Did this happen?", form=dict(UNKNOWN_FORM), context=context
    )


def page(question: HumanTask, person: Person) -> str:
    answer = browser(person).get(f"/reviews/questions/{question.uid}/")
    assert answer.status_code == 200
    return answer.content.decode()


def send(question: HumanTask, person: Person, **typed: str) -> tuple[int, str]:
    seen = version(page(question, person))
    sent = {"version": seen, **{f"f/{name}": text for name, text in typed.items()}}
    answer = browser(person).post(f"/reviews/questions/{question.uid}/", sent)
    return answer.status_code, answer.content.decode()


def answer(question: HumanTask) -> Any:
    return HumanTask.objects.get(pk=question.pk).answer


def test_escalation_tells_what_happened_what_was_tried_and_the_ways_out(desk: Desk) -> None:
    shown = page(escalated(desk), desk.operator)
    for text in ("gave no answer in time", "the shop is &lt;away&gt;⟨U+202E⟩", "was tried 3 times", "Try the step again",
                 "Give the output of the step yourself", "Let the step fail", "Cancel the run"):  # fmt: skip
        assert text in shown


@pytest.mark.parametrize("action", ["retry", "fail", "cancel"])
def test_way_out_is_kept_without_an_output_that_belongs_to_another_one(desk: Desk, action: str) -> None:
    question = escalated(desk)
    assert send(question, desk.operator, action=action, output='{"n": 1}', note="so be it")[0] == 302
    assert answer(question) == {"action": action, "note": "so be it"}


def test_output_given_by_a_person_is_json_and_has_to_be_there(desk: Desk) -> None:
    question = escalated(desk)
    status, shown = send(question, desk.operator, action="output")
    assert (status, "This is needed." in shown) == (422, True)
    status, shown = send(question, desk.operator, action="output", output="{n: 1}")
    assert (status, "Not JSON" in shown, "{n: 1}" in shown) == (422, True, True)
    assert send(question, desk.operator, action="output", output='{"n": 1}')[0] == 302
    assert answer(question) == {"action": "output", "output": {"n": 1}}


def test_limit_of_a_run_offers_to_go_on_with_as_much_again(desk: Desk) -> None:
    context = {"limit": "", "failure_class": "limit", "error": "100 steps are used", "tried": ["look", "pay"]}
    question = escalated(desk, form=dict(RUN_FORM), context=context)
    shown = page(question, desk.operator)
    for text in ("Go on, with as much again", "A limit was reached.", "Steps that have begun: 2"):
        assert text in shown
    assert "Output of the step" not in shown


def test_cancelling_by_an_escalation_asks_for_the_end_of_the_run(desk: Desk) -> None:
    send(escalated(desk), desk.operator, action="cancel")
    assert Run.objects.get(pk=desk.question.run_id).cancel_requested_by == desk.operator


def test_doubt_tells_what_was_sent_by_whom_when_and_how_to_find_out(desk: Desk) -> None:
    question = in_doubt(desk)
    shown = page(question, desk.operator)
    assert question.toolcall is not None
    for text in ("Refund 5.00 EUR of W1", "worker-a", "Nobody heard an answer", "https://pay.example", "orc-7", "critical",
                 bytes(question.toolcall.digest or b"").hex(), "It did not happen", "Nothing is sent again"):  # fmt: skip
        assert text in shown


@pytest.mark.parametrize("happened", [True, False])
def test_finding_is_kept_with_how_it_was_found(desk: Desk, happened: bool) -> None:
    question = in_doubt(desk)
    status, shown = send(question, desk.operator, happened=str(happened).lower())
    assert (status, "This is needed." in shown) == (422, True)
    assert send(question, desk.operator, happened=str(happened).lower(), note="asked the bank")[0] == 302
    assert answer(question) == {"happened": happened, "note": "asked the bank"}


def test_who_has_a_part_in_the_call_cannot_say_whether_it_happened(desk: Desk) -> None:
    both = member("bea", "operators")
    question = in_doubt(desk, requester=both)
    assert "You requested this, so someone else must decide." in page(question, both)
    assert send(question, both, happened="true", note="trust me")[0] == 403
    assert answer(question) is None


@pytest.mark.parametrize("make", [escalated, in_doubt])
def test_pages_of_trouble_ask_the_database_few_times(desk: Desk, make: Any) -> None:
    question = make(desk)
    client = browser(desk.operator)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"/reviews/questions/{question.uid}/").status_code == 200
    sql = [one["sql"] for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))]
    assert len(sql) <= 8, "\n".join(text[:200] for text in sql)
