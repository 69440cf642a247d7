"""The administration and the pages of an account in a real browser: nothing breaks the policy, drafts are published, factors work."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser

from orchestra.models import Draft, PolicyPublication
from orchestra.people import persons
from tests.administration.test_admin_pages import everything
from tests.administration.test_drafts import POLICY
from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery staple"


@pytest.fixture
def desk(browser: Browser, address: str) -> Iterator[Visit]:
    """One browser at a desk; at the end it must not have complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = Visit(context.new_page(), address)
    made.page.on("console", made.note)
    yield made
    context.close()
    assert made.complaints == []


def sign_in(visit: Visit) -> None:
    """As an administrator who may do everything."""
    account = persons.add(name="ada", full_name="Ada", groups=["admins"], password=PASSWORD).accounts.get()
    account.is_staff = account.is_superuser = True
    account.save()
    visit.go("/admin/")
    visit.page.get_by_label("User name").fill("ada")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in", exact=True).click()
    visit.page.get_by_role("heading", name="Administration", level=1).wait_for()


def confirm(visit: Visit) -> None:
    """Factors are changed by who has just said the password again."""
    visit.page.get_by_role("heading", name="Confirm Access").wait_for()
    visit.page.locator("#id_password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Confirm").click()


def fits(visit: Visit) -> bool:
    return bool(visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def links(visit: Visit, selector: str) -> list[str]:
    """Paths that the page leads to."""
    found = visit.page.eval_on_selector_all(selector, "all => all.map(each => each.getAttribute('href'))")
    return list(dict.fromkeys(str(path) for path in found))


def test_no_page_of_the_administration_breaks_the_policy(desk: Visit) -> None:
    everything()
    sign_in(desk)
    families = links(desk, ".families a")
    assert len(families) > 30
    for path in families:
        desk.go(path)
        if path.endswith("/add/"):
            continue
        rows = links(desk, "#result_list th a")
        if rows:
            desk.go(rows[0])


def test_front_page_and_forms_fit_any_screen(visit: Visit) -> None:
    everything()
    sign_in(visit)
    assert fits(visit)
    for path in (
        "person/add/",
        "deployment/",
        "deployment/1/change/",
        "deployment/1/rights/",
        "draft/add/",
        "user/add/",
    ):
        visit.go(f"/admin/orchestra/{path}")
        assert fits(visit), path


def test_a_draft_is_mended_looked_at_and_published(desk: Visit) -> None:
    sign_in(desk)
    desk.go("/admin/orchestra/draft/add/")
    desk.page.get_by_label("Kind").select_option("policy")
    desk.page.get_by_label("Name").fill("refunds")
    desk.page.get_by_label("Text").fill(POLICY.replace("verdict: review\n", "verdict: maybe\n"))
    desk.page.get_by_role("button", name="Save and continue editing").click()
    desk.page.get_by_role("heading", name="1 thing to mend").wait_for()
    assert "is not one of" in desk.page.locator("#line-7").inner_text()
    desk.page.get_by_label("Text").fill(POLICY)
    desk.page.get_by_role("button", name="Save and continue editing").click()
    desk.page.get_by_role("heading", name="Nothing is wrong with it").wait_for()
    desk.page.get_by_role("link", name="Test, compare, publish").click()
    desk.page.get_by_label("Environment").fill("dev")
    desk.page.get_by_role("button", name="Look").click()
    desk.page.get_by_role("button", name="Publish in dev").click()
    desk.page.get_by_text("Policy refunds v1 is in force in dev").wait_for()
    assert PolicyPublication.objects.get().version.source == Draft.objects.get().source


def test_a_date_is_picked_in_the_form_of_a_grant(desk: Visit) -> None:
    sign_in(desk)
    desk.go("/admin/orchestra/grant/add/")
    desk.page.get_by_role("link", name="Today").click()
    assert desk.page.locator("#id_expires_at_0").input_value()
    desk.page.locator(".datetimeshortcuts a").nth(1).click()
    desk.page.locator(".calendar caption").first.wait_for()


def test_an_authenticator_app_is_set_up_and_asked_for(desk: Visit) -> None:
    sign_in(desk)
    desk.go("/accounts/2fa/totp/activate/")
    confirm(desk)
    secret = desk.page.locator("#authenticator_secret").input_value()
    desk.page.get_by_label("Authenticator code").fill(
        format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    )
    desk.page.get_by_role("button", name="Activate").click()
    desk.page.get_by_role("heading", name="Recovery Codes").first.wait_for()
    desk.go("/accounts/logout/")
    desk.page.get_by_role("button", name="Sign Out").click()
    desk.go("/admin/")
    desk.page.get_by_label("User name").fill("ada")
    desk.page.get_by_label("Password").fill(PASSWORD)
    desk.page.get_by_role("button", name="Sign in", exact=True).click()
    desk.page.wait_for_url("**/2fa/authenticate/**")


def test_a_passkey_is_added_and_signs_in(desk: Visit) -> None:
    devices = desk.page.context.new_cdp_session(desk.page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(desk)
    desk.go("/accounts/2fa/webauthn/add/")
    confirm(desk)
    desk.page.get_by_label("Name").fill("laptop")
    desk.page.get_by_label("Passwordless").check()
    desk.page.get_by_role("button", name="Add").click()
    desk.page.wait_for_url(lambda url: "webauthn/add" not in url)
    assert Authenticator.objects.filter(type="webauthn").count() == 1
    desk.go("/accounts/2fa/webauthn/")
    assert "laptop" in desk.page.locator("main").inner_text()
    desk.go("/accounts/logout/")
    desk.page.get_by_role("button", name="Sign Out").click()
    desk.go("/accounts/login/?next=/admin/")
    desk.page.get_by_role("button", name="Sign in with a passkey").click()
    desk.page.get_by_role("heading", name="Administration", level=1).wait_for()
