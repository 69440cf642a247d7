"""The main story without scripts, and by keyboard alone: sign in, read what waits, decide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from orchestra.models import Person, Proposal
from orchestra.people import persons, roles
from tests import factories
from tests.databases import Database
from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e
PASSWORD = "a long enough password"
#: More stops than any page of ours has.
MOST_STOPS = 150


@pytest.fixture
def proposal(database: Database) -> Proposal:
    """A proposal that rob may decide on."""
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    persons.add(name="rob", full_name="Rob", groups=["reviewers"], password=PASSWORD)
    run = factories.run(factories.task(deployment, requester=Person.objects.create(name="rita")))
    call = factories.toolcall(factories.step(run), arguments={"order": "W1"}, agent_reason="Please!")
    return factories.proposal(factories.walk(call, "awaiting_approval"))


@pytest.fixture
def plain(browser: Browser, address: str) -> Iterator[Visit]:
    """A browser that runs no scripts."""
    context = browser.new_context(java_script_enabled=False)
    yield Visit(context.new_page(), address)
    context.close()


def state(proposal: Proposal) -> str:
    """Where it is now."""
    return Proposal.objects.get(pk=proposal.pk).state


def test_reviewer_decides_without_scripts(plain: Visit, proposal: Proposal) -> None:
    plain.go("/reviews/")
    plain.page.get_by_label("User name").fill("rob")
    plain.page.get_by_label("Password").fill(PASSWORD)
    plain.page.get_by_role("button", name="Sign in", exact=True).click()
    plain.page.get_by_role("link", name=proposal.sentence).click()
    plain.page.get_by_role("heading", level=1, name=proposal.sentence).wait_for()
    plain.page.get_by_label("Reason").first.fill("it is right")
    plain.page.get_by_role("button", name="Approve").first.click()
    plain.page.wait_for_load_state()
    assert state(proposal) == "approved"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus, and can be seen to have it."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(name):
            assert page.evaluate(OUTLINED), f"one cannot see that {name} has the focus"
            return
    raise AssertionError(f"the keyboard does not come to {name}")


#: What has the focus, by its label or its text.
FOCUSED = """(() => {
  const it = document.activeElement;
  return ((it.labels && it.labels[0] ? it.labels[0].textContent : it.textContent) || "").trim();
})()"""
OUTLINED = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"


def test_reviewer_decides_by_keyboard_alone(visit: Visit, proposal: Proposal) -> None:
    visit.go("/reviews/")
    tab_to(visit.page, "User name")
    visit.page.keyboard.type("rob")
    tab_to(visit.page, "Password")
    visit.page.keyboard.type(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", name="Review", exact=True).wait_for()
    tab_to(visit.page, proposal.sentence)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", level=1, name=proposal.sentence).wait_for()
    if not visit.page.get_by_label("Reason").first.is_visible():
        tab_to(visit.page, "Decision")
        visit.page.keyboard.press("Enter")
    tab_to(visit.page, "Reason")
    visit.page.keyboard.type("it is right")
    tab_to(visit.page, "Approve")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("now approved").wait_for()
    assert state(proposal) == "approved"
