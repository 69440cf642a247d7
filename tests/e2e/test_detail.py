"""The page of a proposal in a browser: editing, critical approvals, collisions, a fresh sign-in, undo, a lost session, a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestra.engine import publish
from orchestra.models import Edit, Person, Proposal, ToolVersion
from orchestra.people import persons, roles
from orchestra.tools import toolbox
from tests import factories
from tests.e2e.conftest import Visit
from tests.pages.test_edit_form import ARGUMENTS, MOVE
from tests.tools.files import file

pytestmark = pytest.mark.e2e
PASSWORD = "a long enough password"


class Desk:
    """A deployment with two reviewers, and proposals on it."""

    def __init__(self) -> None:
        toolbox.forget()
        self.deployment = factories.deployment()
        roles.give_defaults(self.deployment)
        for name in ("rob", "sue"):
            persons.add(name=name, full_name=name.capitalize(), groups=["reviewers"], password=PASSWORD)
        self.rita = Person.objects.create(name="rita")
        ada = persons.add(name="ada", full_name="", groups=["admins"], password=None)
        publish.text(file(MOVE, name="move"), by=ada, environment="dev")

    def ask(self, **columns: Any) -> Proposal:
        """A call that waits for people."""
        run = factories.run(factories.task(self.deployment, requester=self.rita))
        call = factories.toolcall(
            factories.step(run),
            tool_name="move",
            tool_version=ToolVersion.objects.get(tool__name="move"),
            arguments=dict(ARGUMENTS),
            agent_reason="Please!",
        )
        return factories.proposal(factories.walk(call, "awaiting_approval"), **columns)


@pytest.fixture
def desk(visit: Visit) -> Iterator[Desk]:
    yield Desk()
    toolbox.forget()


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Review", exact=True).wait_for()


def read(visit: Visit, proposal: Proposal, page: Page | None = None) -> Page:
    """Open the page of a proposal, and its panel, which is a bar on a telephone."""
    page = page or visit.page
    page.goto(f"{visit.address}/reviews/{proposal.uid}/")
    panel = page.locator(".deciding")
    if panel.get_attribute("open") is None:
        panel.locator("summary").first.click()
    return page


def state(proposal: Proposal) -> str:
    return Proposal.objects.get(pk=proposal.pk).state


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_reviewer_edits_looks_at_the_difference_and_approves(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_role("link", name="Edit, then approve").click()
    page.get_by_label("City").fill("Bonn")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator("del mark")).to_have_text("Köln")
    expect(page.locator("ins mark")).to_have_text("Bonn")
    assert fits(page)
    page.get_by_label("Reason").fill("it has moved")
    page.get_by_role("button", name="Send it and approve").click()
    page.get_by_text("judged anew").wait_for()
    assert Edit.objects.get(proposal=proposal).arguments["city"] == "Bonn"


def test_enter_in_an_argument_of_an_edit_sends_nothing(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = visit.page
    page.goto(f"{visit.address}/reviews/{proposal.uid}/edit/")
    page.get_by_label("City").fill("Bonn")
    page.get_by_role("button", name="Show what changes").click()
    page.get_by_role("button", name="Send it and approve").wait_for()
    page.get_by_label("City").press("Enter")
    page.wait_for_timeout(500)
    assert (state(proposal), Edit.objects.count()) == ("pending", 0)
    assert page.get_by_label("City").input_value() == "Bonn"


def test_critical_approval_waits_until_it_is_read_and_typed(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask(tier=4)
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    button = page.get_by_role("button", name="Approve")
    expect(button).to_be_disabled()
    page.get_by_label("Reason").fill("checked")
    page.get_by_label("To approve, type").fill("#W1")
    page.locator(".effect").scroll_into_view_if_needed()
    expect(button).to_be_enabled()
    page.get_by_label("To approve, type").fill("#W")
    expect(button).to_be_disabled()
    page.get_by_label("To approve, type").fill("#W1")
    button.click()
    page.get_by_text("now approved").wait_for()
    assert state(proposal) == "approved"


def test_enter_in_a_field_decides_nothing(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask(tier=4)
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("checked")
    page.get_by_label("To approve, type").fill("#W1")
    page.get_by_label("To approve, type").press("Enter")
    page.wait_for_timeout(300)
    assert (state(proposal), page.get_by_label("Reason").input_value()) == ("pending", "checked")


def test_second_of_two_sees_who_decided_and_keeps_the_text(
    visit: Visit, desk: Desk, browser: Browser
) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("a long thought of mine")
    other = browser.new_context().new_page()
    sign_in(other, visit.address, "sue")
    read(visit, proposal, other)
    other.get_by_label("Reason").fill("wrong customer")
    other.get_by_role("button", name="Reject").click()
    other.get_by_text("now rejected").wait_for()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("This is rejected already").wait_for()
    visit.complaints.clear()  # the browser counts the answer 409 as a fault
    assert "Sue rejected it" in page.locator(".conflict").inner_text()
    assert "wrong customer" in page.locator(".conflict").inner_text()
    assert page.get_by_label("What you typed").input_value() == "a long thought of mine"
    assert fits(page)
    page.get_by_role("link", name="See decision").click()
    page.get_by_text("This is rejected.").wait_for(state="attached")


def test_fresh_sign_in_on_the_way_to_an_approval_keeps_the_text(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask(requirements={"step_up": True})
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("I have looked")
    page.get_by_role("button", name="Approve").click()
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("just proved that it is you").wait_for(state="attached")
    panel = page.locator(".deciding")
    if panel.get_attribute("open") is None:
        panel.locator("summary").first.click()
    assert page.get_by_label("Reason").input_value() == "I have looked"
    assert state(proposal) == "pending"
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("now approved").wait_for()
    assert state(proposal) == "approved"


def test_decision_is_undone_from_wherever_one_is(visit: Visit, desk: Desk) -> None:
    proposal, following = desk.ask(requirements={"grace": 600}), desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(f"**/reviews/{following.uid}/*")
    assert " s" in page.locator(".undo time").inner_text() or "min" in page.locator(".undo time").inner_text()
    assert fits(page)
    page.keyboard.press("z")
    page.get_by_text("Your vote does not count any more").wait_for()
    assert str(proposal.uid) in page.url
    assert state(proposal) == "pending"
    assert proposal.approvals.get().withdrawn_at is not None


def test_session_that_ends_while_typing_loses_nothing(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("a long thought of mine")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("You are signed out").wait_for()
    visit.complaints.clear()  # the browser counts the answer 401 as a fault
    assert page.get_by_label("Reason").input_value() == "a long thought of mine"
    sign_in(page, visit.address, "rob")
    read(visit, proposal)
    assert page.get_by_label("Reason").input_value() == "a long thought of mine"
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("now rejected").wait_for()
    assert proposal.approvals.get().reason == "a long thought of mine"


def test_sign_in_in_another_tab_lets_the_first_go_on(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("a long thought of mine")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("You are signed out").wait_for()
    visit.complaints.clear()  # the browser counts the answer 401 as a fault
    sign_in(page.context.new_page(), visit.address, "rob")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("now rejected").wait_for()
    assert proposal.approvals.get().reason == "a long thought of mine"


def test_somebody_else_in_another_tab_decides_nothing_in_the_first(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("a long thought of mine")
    page.context.clear_cookies(name="sessionid")
    sign_in(page.context.new_page(), visit.address, "sue")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("Somebody else has signed in here").wait_for()
    visit.complaints.clear()  # the browser counts the answer 409 as a fault
    assert page.get_by_label("Reason").input_value() == "a long thought of mine"
    assert state(proposal) == "pending"
    read(visit, proposal)
    assert page.get_by_label("Reason").input_value() == ""


def test_error_of_the_server_is_told_and_sending_again_is_offered(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.get_by_label("Reason").fill("not this one")
    broken = {"status": 500, "headers": {"X-Request-ID": "abcd-1234"}, "body": "no page of ours"}
    page.route("**/reject/*", lambda route: route.fulfill(**broken))
    page.get_by_role("button", name="Reject").click()
    note = page.get_by_role("alert").filter(has_text="Not saved. Nothing was executed. Request abcd-1234.")
    expect(note).to_be_focused()
    page.unroute("**/reject/*")
    page.route("**/reject/*", lambda route: route.abort())
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("No answer came. If it was saved all the same").wait_for()
    visit.complaints.clear()  # the browser counts both as faults
    page.unroute("**/reject/*")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("now rejected").wait_for()
    assert proposal.approvals.get().reason == "not this one"


def test_letters_move_to_the_buttons_and_decide_nothing(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    page = read(visit, proposal)
    page.keyboard.press("t")
    page.get_by_text("You look after it until").wait_for(state="attached")
    page = read(visit, proposal)
    for key, name in (("a", "Approve"), ("c", "Ask for changes"), ("d", "Reject")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.name") == "reason"
        assert page.locator("[data-chosen]").inner_text() == name
        page.evaluate("document.activeElement.blur()")
    assert state(proposal) == "pending"
    page.get_by_label("Reason").fill("not this one")
    page.keyboard.press("Control+Enter")
    page.get_by_text("now rejected").wait_for()
    assert state(proposal) == "rejected"


def test_conversation_opens_in_place(visit: Visit, desk: Desk) -> None:
    proposal = desk.ask()
    sign_in(visit.page, visit.address, "rob")
    visit.page.goto(f"{visit.address}/reviews/{proposal.uid}/")
    visit.page.get_by_text("The conversation that led to it").click()
    visit.page.locator(".sayings li").first.wait_for()
    assert fits(visit.page)


def test_all_of_it_works_without_scripts(visit: Visit, desk: Desk, browser: Browser) -> None:
    proposal = desk.ask(tier=4)
    page = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800}).new_page()
    sign_in(page, visit.address, "rob")
    page.goto(f"{visit.address}/reviews/{proposal.uid}/")
    page.get_by_label("Reason").fill("checked")
    page.get_by_label("To approve, type").fill("#W2")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("This is critical: type #W1").wait_for()
    assert page.get_by_label("Reason").input_value() == "checked"
    page.get_by_label("To approve, type").fill("#W1")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("now approved").wait_for()
    assert state(proposal) == "approved"
