"""An operator at work in a real browser, with a real worker behind: halts and lifts, cancels, forks, and watches it happen."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import expect

from orchestra.engine import publish
from orchestra.intake import tasks
from orchestra.models import Halt, Run, User
from orchestra.people import persons
from orchestra.workflows import functions
from tests.conftest import Spawn
from tests.e2e import worlds
from tests.e2e.conftest import Visit
from tests.waiting import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)], indirect=True),
]
WORKFLOW = """
kind: workflow
name: {name}
spec:
  owner: operators
  steps:
    {steps}
"""
SLOW = """first: {kind: python, function: example.nap, with: {seconds: 12}}
    second: {kind: python, function: example.echo, needs: first}"""
ASKS = "ask: {kind: human, title: 'Shall we?', group: operators}"
QUICK = """first: {kind: python, function: example.echo}
    second: {kind: python, function: example.echo, needs: first}"""


def submitted(name: str, steps: str) -> Run:
    """A run of a new workflow, asked for by ann."""
    functions.load(settings.STEP_FUNCTIONS)
    person = persons.find("ann")
    publish.text(WORKFLOW.format(name=name, steps=steps), by=person, environment="dev")
    request = tasks.Request(
        workflow=name, environment="dev", payload={}, source="command", subject=f"Try {name}"
    )
    return tasks.accept(request, by=person).run


def state(run: Run) -> str:
    return Run.objects.values_list("state", flat=True).get(pk=run.pk)


def becomes(run: Run, wanted: str) -> None:
    until(lambda: state(run) == wanted, within=60, what=f"run {wanted}, it is {state(run)}")


@pytest.fixture
def operating(visit: Visit, spawn: Spawn) -> Visit:
    """Ann has signed in, and a worker works."""
    person = persons.add(name="ann", full_name="Ann", groups=["operators"], password=None)
    spawn("work", "--name", "w1")
    worlds.sign_in(visit.page.context, User.objects.get(person=person), visit.address)
    visit.page.set_default_timeout(60_000)
    return visit


def fits(visit: Visit) -> bool:
    return bool(visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_halt_is_set_what_was_in_flight_settles_and_it_is_lifted(operating: Visit) -> None:
    page = operating.page
    run = submitted("slow", SLOW)
    becomes(run, "running")
    operating.go("/halts/")
    page.get_by_label("One deployment").check()
    page.get_by_label("Deployment", exact=True).select_option(label="slow@dev")
    page.get_by_label("Why").fill("there is a fire")
    assert fits(operating)
    page.get_by_role("button", name="See what it would stop").click()
    page.get_by_role("heading", name="In flight at this moment").wait_for()
    expect(page.get_by_role("link", name="Try slow")).to_be_visible()
    page.get_by_role("button", name="Halt", exact=True).click()
    page.get_by_role("heading", name="Halt of all runs of slow@dev").wait_for()
    expect(page.get_by_text("Settled at")).to_be_visible(timeout=60_000)
    assert (state(run), run.steps.count()) == ("queued", 1)
    assert fits(operating)
    page.get_by_label("Why it may go on").fill("it is out")
    page.get_by_role("button", name="Lift the halt").click()
    page.get_by_text("Lifted. What was due goes on").wait_for()
    becomes(run, "succeeded")
    assert Halt.objects.get().state == "lifted"


def test_run_is_cancelled_and_the_page_shows_it_by_itself(operating: Visit) -> None:
    page = operating.page
    run = submitted("asks", ASKS)
    becomes(run, "waiting")
    operating.go("/runs/?q=Try")
    page.get_by_role("link", name="Try asks").click()
    expect(page.get_by_text("Waits for an answer to “Shall we?” by operators (Ann)")).to_be_visible()
    assert fits(operating)
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    assert page.url.endswith("/cancel/"), "a reason is wanted"
    page.get_by_label("Why").fill("a mistake")
    page.get_by_role("button", name="Cancel the run").click()
    page.get_by_text("The run is being cancelled.").wait_for()
    expect(page.get_by_text("Ended because somebody asked for it.")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("link", name="Try again…")).to_be_visible()
    assert page.locator("#news").count() == 0


def test_run_is_forked_behind_a_step_and_the_new_one_is_followed(operating: Visit) -> None:
    page = operating.page
    run = submitted("quick", QUICK)
    becomes(run, "succeeded")
    operating.go(f"/runs/{run.uid}/")
    page.get_by_role("link", name="Fork…").click()
    page.get_by_label("Begin").select_option(label="behind first (succeeded, 1)")
    page.get_by_label("Why").fill("once more")
    page.get_by_role("button", name="Fork the run").click()
    page.get_by_text("This is the new run.").wait_for()
    expect(page.get_by_text("Ended as the workflow intends.")).to_be_visible(timeout=60_000)
    made = Run.objects.get(forked_from=run)
    assert (made.forked_at, page.url.endswith(f"/runs/{made.uid}/")) == (1, True)
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("once more")).to_be_visible()
    assert fits(operating)
