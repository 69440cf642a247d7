"""The pages there are, as a person meets them: any colour scheme, any width, by keyboard alone."""

from __future__ import annotations

import pytest

from orchestra.models import User
from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e
PASSWORD = "a long enough password"


def fits(visit: Visit) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_front_page_says_where_things_are_and_fits(visit: Visit) -> None:
    visit.go("/")
    assert visit.page.get_by_role("heading", level=1).inner_text() == "Orchestra is running"
    assert fits(visit)


def test_readiness_is_reached_by_keyboard_alone(visit: Visit) -> None:
    visit.go("/")
    for _ in range(10):
        visit.page.keyboard.press("Tab")
        if visit.page.evaluate("document.activeElement.textContent") == "Readiness":
            break
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/readyz")
    assert '"ready": true' in visit.page.content()


def test_administrator_signs_in_under_the_content_policy(visit: Visit) -> None:
    User.objects.create_superuser("ada", password=PASSWORD)
    visit.go("/admin/")
    visit.page.get_by_label("User name").fill("ada")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", name="Administration").wait_for()
