"""The queue in a real browser: news that move nothing, several decisions at once, keys, colours, a telephone, no network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from orchestra.models import Deployment, Person, Proposal
from orchestra.people import persons, roles
from tests import factories
from tests.decisions.conftest import propose
from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e
PASSWORD = "a long enough password"
#: News come every three seconds while somebody is at work; the machine may be busy.
SOON = 20_000
DARK, LIGHT = "rgb(15, 18, 22)", "rgb(255, 255, 255)"

desk = pytest.mark.parametrize(("scheme", "width"), [("light", 1280)], indirect=True)
telephone = pytest.mark.parametrize(("scheme", "width"), [("light", 375)], indirect=True)
Make = Callable[..., Proposal]


@pytest.fixture
def make() -> Make:
    """Makes proposals that rob and sue may decide on."""
    deployment: Deployment = factories.deployment()
    roles.give_defaults(deployment)
    for name in ("rob", "sue"):
        persons.add(name=name, full_name="", groups=["reviewers"], password=PASSWORD)
    requester = Person.objects.create(name="rita")
    return lambda **columns: propose(deployment, requester, **columns)


def sign_in(page: Page, address: str, name: str = "rob", path: str = "/reviews/") -> None:
    page.goto(address + path)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}{path}")


def row(page: Page, proposal: Proposal) -> str:
    """What the row of a proposal says."""
    return str(page.locator(f'[data-row="{proposal.uid}"]').inner_text())


def state(proposal: Proposal) -> str:
    return Proposal.objects.get(pk=proposal.pk).state


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


@desk
def test_news_arrive_without_moving_what_one_looks_at(visit: Visit, make: Make) -> None:
    first, second = make(sentence="Refund 1.00 EUR"), make(sentence="Refund 2.00 EUR")
    page = visit.page
    sign_in(page, visit.address)
    page.keyboard.press("j")
    before = page.locator(f'[data-row="{second.uid}"]').bounding_box()
    new = make(sentence="Delete 214 rows", tier=4)
    factories.approval(first, Person.objects.get(name="sue"))
    factories.walk(first, "approved")
    show = page.get_by_role("link", name="1 new — show")
    expect(show).to_be_visible(timeout=SOON)
    expect(page.locator(f'[data-row="{first.uid}"]')).to_contain_text("approved by sue", timeout=SOON)
    assert page.locator(f'[data-row="{second.uid}"]').bounding_box() == before
    assert focused(page) == "Refund 1.00 EUR"
    expect(page.locator("#status")).to_contain_text("1 new. 1 of those shown is over.")
    assert page.locator(f'[data-row="{new.uid}"]').count() == 0
    page.keyboard.press("r")
    expect(page.locator(f'[data-row="{new.uid}"]')).to_be_visible()
    assert page.locator("[data-row]").first.get_attribute("data-row") == str(new.uid)


@desk
def test_others_who_look_are_told_and_pausing_stops_the_news(visit: Visit, make: Make) -> None:
    proposal = make()
    page = visit.page
    sign_in(page, visit.address)
    assert page.context.browser
    other = page.context.browser.new_context()
    watching = other.new_page()
    sign_in(watching, visit.address, "sue", f"/reviews/{proposal.uid}/")
    expect(page.locator(f'[data-row="{proposal.uid}"]')).to_contain_text("1 other looking", timeout=SOON)
    page.get_by_role("button", name="Live").click()
    assert page.get_by_role("button", name="Live").get_attribute("aria-pressed") == "false"
    make()
    page.wait_for_timeout(4_000)
    assert page.get_by_role("link", name="1 new — show").count() == 0
    page.reload()
    assert page.get_by_role("button", name="Live").get_attribute("aria-pressed") == "false"
    other.close()


@desk
def test_two_are_rejected_by_one_form_with_keys_alone(visit: Visit, make: Make) -> None:
    proposals = [make(), make(), make()]
    page = visit.page
    sign_in(page, visit.address)
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("selected, 25 at most")).to_be_visible()
    page.get_by_role("button", name="Reject…").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Reject: 2 proposals").wait_for()
    page.get_by_label("Reason for all of them").focus()
    page.keyboard.type("jokes, all of them: a d c")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Reject: 2 of 2 done").wait_for()
    assert [state(proposal) for proposal in proposals] == ["rejected", "rejected", "pending"]
    page.keyboard.press("u")
    page.wait_for_url("**/reviews/")


@desk
def test_reviewer_reads_and_approves_with_keys_alone(visit: Visit, make: Make) -> None:
    first, second = make(), make(sentence="Refund 2.00 EUR")
    page = visit.page
    sign_in(page, visit.address)
    for key in ("j", "j", "o"):
        page.keyboard.press(key)
    page.wait_for_url(f"**/reviews/{second.uid}/**")
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.name") == "reason"
    assert (state(first), state(second)) == ("pending", "pending")
    page.keyboard.type("it is right")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Approved: Refund 2.00 EUR").wait_for()
    assert (state(first), state(second)) == ("pending", "approved")


@desk
def test_no_letter_decides_and_held_keys_do_nothing(visit: Visit, make: Make) -> None:
    proposal = make()
    page = visit.page
    sign_in(page, visit.address, path=f"/reviews/{proposal.uid}/")
    for key in ("d", "Escape"):
        page.keyboard.press(key)
    for key in "adcmxoz":
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Alt+a")
    page.wait_for_timeout(500)
    assert state(proposal) == "pending"


@desk
def test_help_tells_the_keys_of_the_page_and_holds_them_meanwhile(visit: Visit, make: Make) -> None:
    make()
    page = visit.page
    sign_in(page, visit.address)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    marked = dialog.locator("[data-here]").evaluate_all("lines => lines.map((line) => line.dataset.for)")
    assert {"j", "o", "x", "r", "/", "?", "g q"} <= set(marked)
    assert not {"a", "d", "c", "u", "send"} & set(marked)
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("j/g q")
    assert page.evaluate("document.activeElement.value") == "j/g q"


@desk
def test_keys_can_be_switched_off(visit: Visit, make: Make) -> None:
    make()
    page = visit.page
    sign_in(page, visit.address)
    page.locator(".me > summary").click()
    page.get_by_role("group", name="Single keys").get_by_role("button", name="Off").click()
    page.wait_for_selector("html[data-keys=off]")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("?")
    assert not page.get_by_role("dialog").is_visible()


@desk
def test_dark_is_there_from_the_first_picture_on_also_without_scripts(visit: Visit, make: Make) -> None:
    make()
    page = visit.page
    sign_in(page, visit.address)
    assert ground(page) == LIGHT
    cookies = page.context.cookies()
    assert page.context.browser
    bare = page.context.browser.new_context(java_script_enabled=False, color_scheme="light")
    bare.add_cookies(cookies)
    quiet = bare.new_page()
    quiet.goto(f"{visit.address}/reviews/?tab=others")
    quiet.locator(".me > summary").click()
    quiet.get_by_role("button", name="Dark").click()
    quiet.wait_for_url("**/reviews/?tab=others")
    assert quiet.locator("html").get_attribute("data-scheme") == "dark"
    page.context.add_cookies(bare.cookies())
    page.goto(f"{visit.address}/reviews/", wait_until="commit")
    page.wait_for_selector("body")
    assert ground(page) == DARK
    bare.close()


@telephone
def test_a_telephone_has_a_menu_and_no_approval_of_several(visit: Visit, make: Make) -> None:
    make(
        sentence="Send mail to 1830 customers about the recall of the blue kettle, with a voucher of 10 EUR each"
    )
    page = visit.page
    sign_in(page, visit.address)
    assert fits(page)
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    assert fits(page)
    page.keyboard.press("Escape")
    page.locator("[data-row] input").check()
    expect(page.get_by_role("button", name="Reject…")).to_be_visible()
    assert not page.get_by_role("button", name="Approve…").is_visible()
    page.locator(".me > summary").click()
    assert fits(page)


@desk
def test_without_a_network_buttons_wait_and_text_stays(visit: Visit, make: Make) -> None:
    proposal = make()
    page = visit.page
    sign_in(page, visit.address, path=f"/reviews/{proposal.uid}/")
    page.get_by_label("Reason").fill("half a thou")
    page.context.set_offline(True)
    expect(page.get_by_role("alert").filter(has_text="No connection")).to_be_visible()
    assert page.get_by_role("button", name="Reject").is_disabled()
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="Reject")).to_be_enabled(timeout=SOON)
    assert page.get_by_label("Reason").input_value() == "half a thou"
    visit.complaints.clear()  # of requests that could not be sent


@desk
def test_queue_works_without_scripts(visit: Visit, make: Make) -> None:
    proposal = make()
    sign_in(visit.page, visit.address)
    assert visit.page.context.browser
    bare = visit.page.context.browser.new_context(java_script_enabled=False)
    bare.add_cookies(visit.page.context.cookies())
    page = bare.new_page()
    page.goto(f"{visit.address}/reviews/")
    page.locator("[data-row] input").check()
    page.get_by_role("button", name="Ask for changes…").click()
    page.get_by_label("Reason for all of them").fill("the amount")
    page.get_by_role("button", name="Ask for changes: 1").click()
    page.get_by_role("heading", name="Ask for changes: 1 of 1 done").wait_for()
    assert state(proposal) == "returned"
    bare.close()
