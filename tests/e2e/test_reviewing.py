"""A reviewer at work in a real browser: signs in, reads, decides, by keyboard too; and nothing has to be scrolled sideways."""

from __future__ import annotations

import pytest

from orchestra.models import Person, Proposal
from orchestra.people import persons, roles
from tests import factories
from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e
PASSWORD = "a long enough password"


@pytest.fixture
def proposal() -> Proposal:
    """A proposal that rob may decide on."""
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    persons.add(name="rob", full_name="Rob", groups=["reviewers"], password=PASSWORD)
    run = factories.run(factories.task(deployment, requester=Person.objects.create(name="rita")))
    call = factories.toolcall(factories.step(run), arguments={"note": "x" * 300}, agent_reason="Please!")
    return factories.proposal(factories.walk(call, "awaiting_approval"))


def sign_in(visit: Visit) -> None:
    visit.go("/reviews/")
    visit.page.get_by_label("User name").fill("rob")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", name="Review", exact=True).wait_for()


def open_panel(visit: Visit) -> None:
    """On a telephone the decision is a bar at the bottom, which opens."""
    if not visit.page.get_by_label("Reason").is_visible():
        visit.page.locator(".deciding > summary").focus()
        visit.page.keyboard.press("Enter")
    visit.page.get_by_label("Reason").wait_for()


def fits(visit: Visit) -> bool:
    return bool(visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_reviewer_signs_in_reads_and_approves(visit: Visit, proposal: Proposal) -> None:
    sign_in(visit)
    assert fits(visit)
    visit.page.get_by_role("link", name="Refund 5.00 EUR").click()
    visit.page.get_by_role("heading", level=1, name="Refund 5.00 EUR").wait_for()
    assert fits(visit)
    open_panel(visit)
    visit.page.get_by_label("Reason").fill("it is right")
    visit.page.get_by_role("button", name="Approve").click()
    visit.page.get_by_text("now approved").wait_for()
    assert Proposal.objects.get(pk=proposal.pk).state == "approved"


def test_reviewer_rejects_with_the_keyboard_alone(visit: Visit, proposal: Proposal) -> None:
    sign_in(visit)
    visit.page.get_by_role("link", name="Refund 5.00 EUR").focus()
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", level=1, name="Refund 5.00 EUR").wait_for()
    open_panel(visit)
    visit.page.get_by_label("Reason").focus()
    visit.page.keyboard.type("wrong customer")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("now rejected").wait_for()
    assert Proposal.objects.get(pk=proposal.pk).approvals.get().reason == "wrong customer"
