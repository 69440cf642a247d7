"""Asking in a real browser, with a real worker: a task from the form to its outcome, and questions answered on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, ConsoleMessage, Page

from orchestra.engine import publish
from orchestra.models import Deployment, HumanTask, Person, Run, Task, User
from orchestra.people import persons
from orchestra.workflows import functions
from tests.conftest import Spawn
from tests.e2e import worlds

pytestmark = pytest.mark.e2e
INPUT = {
    "type": "object",
    "required": ["order"],
    "additionalProperties": False,
    "properties": {
        "order": {"type": "string", "pattern": "^W[0-9]+$", "title": "Order"},
        "amount": {"type": "integer", "minimum": 1, "title": "Amount"},
    },
}
ECHO = {"kind": "python", "function": "example.echo"}
STEPS: dict[str, dict[str, Any]] = {
    "quick": {"done": {**ECHO, "with": {"refunded": "{{ input.order }}"}}},
    "stuck": {
        "look": {
            **ECHO,
            "with": {"total": 0},
            "ensures": [{"check": "output.total > 0", "message": "nothing to pay"}],
        },
        "done": {**ECHO, "needs": "look", "with": {"paid": "{{ steps.look.output.total }}"}},
    },
    "asking": {
        "ask": {
            "kind": "human",
            "group": "operators",
            "title": "Is this order genuine?",
            "with": {"order": "{{ input.order }}"},
            "form": {
                "type": "object",
                "required": ["genuine"],
                "properties": {"genuine": {"type": "boolean", "title": "Genuine?"}},
            },
        },
    },
}
Enter = Callable[..., Page]


@pytest.fixture
def people(environment: dict[str, str]) -> dict[str, Person]:
    """rita asks, olga operates, rob reviews, ada has published the workflows."""
    functions.load(settings.STEP_FUNCTIONS)
    parts = {"ada": "admins", "rita": "requesters", "olga": "operators", "rob": "reviewers"}
    made = {
        name: persons.add(name=name, full_name="", groups=[part], password=None)
        for name, part in parts.items()
    }
    for name, steps in STEPS.items():
        spec = {"owner": "operators", "description": "Refund an order.", "input": INPUT, "steps": steps}
        text = json.dumps({"kind": "workflow", "name": name, "spec": spec})
        publish.text(text, by=made["ada"], environment="dev")
    return made


@pytest.fixture
def enter(browser: Browser, address: str, people: dict[str, Person]) -> Iterator[Enter]:
    """Open a path as somebody, in a browser of their own; at the end no browser must have complained."""
    contexts, complaints = [], []

    def go(name: str, path: str, *, scripts: bool = True) -> Page:
        context = browser.new_context(
            java_script_enabled=scripts, base_url=address, viewport={"width": 1280, "height": 800}
        )
        contexts.append(context)
        worlds.sign_in(context, User.objects.get(person=people[name]), address)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if complains(said) else None)
        page.goto(path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def complains(said: ConsoleMessage) -> bool:
    """Chromium notes each answer of 4xx as an error; those are what some of these tests are about."""
    return said.type in {"error", "warning"} and "responded with a status of 4" not in said.text


def choose(page: Page, workflow: str) -> None:
    """From my tasks to the form of a workflow."""
    page.get_by_role("link", name="New task").click()
    page.get_by_role("link", name=workflow, exact=True).click()
    page.get_by_role("heading", level=1, name=workflow).wait_for()


def submitted(page: Page, workflow: str) -> Task:
    """Fill in the form of a workflow, and send it."""
    choose(page, workflow)
    page.get_by_label("Order").fill("W12")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Submitted: ").wait_for()
    return Task.objects.get(uid=page.url.rstrip("/").rsplit("/", 1)[1])


@pytest.mark.parametrize("scripts", [True, False])
def test_requester_submits_a_task_and_sees_its_outcome(enter: Enter, spawn: Spawn, scripts: bool) -> None:
    page = enter("rita", "/tasks/", scripts=scripts)
    choose(page, "quick")
    page.get_by_label("Amount").fill("many")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Write a whole number").wait_for()
    assert page.get_by_label("Amount").input_value() == "many"
    page.get_by_label("Amount").fill("3")
    page.get_by_label("Order").fill("W12")
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("heading", name="Waits for a worker").wait_for()
    spawn("work")
    done = page.get_by_role("heading", name="Outcome")
    for _ in range(60):
        if scripts or done.is_visible():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    done.wait_for()
    assert page.get_by_text("W12").first.is_visible()
    assert Run.objects.get().state == "succeeded"


def test_escalation_is_settled_in_the_browser_and_the_requester_sees_it_go_on(
    enter: Enter, spawn: Spawn
) -> None:
    spawn("work")
    asking = enter("rita", "/tasks/")
    task = submitted(asking, "stuck")
    asking.get_by_text("Waits for a decision on").wait_for(timeout=60_000)
    page = enter("olga", "/reviews/")
    page.get_by_role("link", name="look failed").click()
    page.get_by_text("nothing to pay").first.wait_for()
    page.get_by_role("radio", name="Give the output of the step yourself").check()
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("This is needed.").wait_for()
    page.get_by_role("textbox", name="Output of the step").fill('{"total": 7}')
    page.get_by_label("Why").fill("the price list was wrong")
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("Answered: ").wait_for()
    asking.get_by_role("heading", name="Outcome").wait_for(timeout=60_000)
    run = Run.objects.get(task=task)
    assert run.output == {"done": {"paid": 7}}
    assert HumanTask.objects.get(run=run).answer == {
        "action": "output", "output": {"total": 7}, "note": "the price list was wrong",
    }  # fmt: skip


def test_form_is_answered_with_the_keyboard_alone_and_without_scripts(enter: Enter, spawn: Spawn) -> None:
    spawn("work")
    task = submitted(enter("rita", "/tasks/", scripts=False), "asking")
    page = enter("olga", "/reviews/", scripts=False)
    for _ in range(60):
        if page.get_by_role("link", name="Is this order genuine?").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    page.get_by_role("link", name="Is this order genuine?").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Yes").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Answered: ").wait_for()
    assert HumanTask.objects.get(run__task=task).answer == {"genuine": True}


def test_who_may_not_submit_is_told_so_in_words(enter: Enter) -> None:
    page = enter("rob", "/tasks/new/")
    page.get_by_text("There is no workflow yet that you may submit tasks to.").wait_for()
    deployment = Deployment.objects.get(workflow__name="quick")
    answer = page.request.get(f"/tasks/new/{deployment.uid}/")
    assert answer.status == 403
    assert "needs the right to submit. Ask ada for the right." in answer.text()


def test_requester_cancels_what_nobody_has_begun(enter: Enter) -> None:
    page = enter("rita", "/tasks/")
    task = submitted(page, "quick")
    page.get_by_text("Cancel this task").click()
    page.get_by_label("Why").fill("sent twice")
    page.get_by_role("button", name="Cancel the task").click()
    page.get_by_text("It was cancelled; nothing more is done.").wait_for()
    assert Run.objects.get(task=task).state == "cancelled"
