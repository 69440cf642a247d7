"""Votes that cannot be given, in a browser: the time is over, or it is one's own proposal."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from orchestra.people import persons
from tests import factories
from tests.e2e.conftest import Visit
from tests.e2e.test_detail import PASSWORD, Desk, desk, read, sign_in, state

pytestmark = pytest.mark.e2e
__all__ = ["desk"]


def test_time_that_runs_out_while_typing_keeps_the_text(visit: Visit, desk: Desk) -> None:
    ends = factories.now(12)
    proposal = desk.ask(expires_at=ends)
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("a long thought of mine")
    page.wait_for_timeout(max(0.0, (ends - factories.now()).total_seconds() + 1) * 1000)
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("The time to decide this has run out").first.wait_for()
    visit.complaints.clear()  # the browser counts the answer 410 as a fault
    assert page.get_by_label("What you typed").input_value() == "a long thought of mine"
    assert not proposal.approvals.exists()


def test_requester_reads_why_they_may_not_decide_on_their_own(visit: Visit, desk: Desk) -> None:
    desk.rita = persons.add(name="rosa", full_name="Rosa", groups=["reviewers"], password=PASSWORD)
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rosa")
    page = read(visit, proposal)
    expect(page.locator(".deciding")).to_contain_text("You requested this, so someone else must decide")
    for name in ("Approve", "Reject", "Ask for changes"):
        for button in page.get_by_role("button", name=name, exact=True).all():
            expect(button).to_be_disabled()
    assert state(proposal) == "pending"
