"""A session that ends while somebody fills in a form that htmx does not send: what was typed and chosen is there after it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Page, expect

from orchestra.models import HumanTask, Proposal
from tests import factories
from tests.e2e.conftest import Visit
from tests.e2e.test_queue import Make, sign_in, state
from tests.e2e.test_queue import make as make

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize(("scheme", "width"), [("light", 1280)], indirect=True)]
FORM = {
    "type": "object",
    "required": ["genuine"],
    "properties": {
        "genuine": {"type": "boolean", "title": "Genuine?"},
        "remark": {"type": "string", "title": "Remark"},
        "seen": {"type": "array", "items": {"enum": ["bill", "stamp", "seal"]}, "uniqueItems": True},
    },
}


def again(page: Page, press: str) -> None:
    """Press a button when the session has ended, and sign in where that leads to."""
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name=press).click()
    page.get_by_label("User name").fill("rob")
    page.get_by_label("Password").fill("a long enough password")
    page.keyboard.press("Enter")


def test_answer_is_there_with_what_was_chosen(visit: Visit, make: Make) -> None:
    run = make().toolcall.run
    question = factories.humantask(run, group=Group.objects.get(name="reviewers"), form=dict(FORM))
    page = visit.page
    sign_in(page, visit.address, path=f"/reviews/questions/{question.uid}/")
    page.get_by_label("Remark").fill("a long thought of mine")
    page.get_by_role("radio", name="No").check()
    page.get_by_role("checkbox", name="seal").check()
    again(page, "Answer")
    expect(page.get_by_label("Remark")).to_have_value("a long thought of mine")
    expect(page.get_by_role("radio", name="No")).to_be_checked()
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("Answered: ").wait_for()
    given = {"genuine": False, "remark": "a long thought of mine", "seen": ["seal"]}
    assert HumanTask.objects.get(pk=question.pk).answer == given


def test_reason_for_several_is_there_with_the_set(visit: Visit, make: Make) -> None:
    proposals: list[Proposal] = [make(), make()]
    page, items = visit.page, "&".join(f"item={one.uid}" for one in proposals)
    sign_in(page, visit.address)
    page.goto(f"{visit.address}/reviews/bulk/?verb=reject&{items}")
    page.get_by_label("Reason for all of them").fill("jokes, all of them")
    page.get_by_label("Category").select_option("wrong_target")
    again(page, "Reject: 2")
    expect(page.get_by_label("Reason for all of them")).to_have_value("jokes, all of them")
    page.get_by_role("button", name="Reject: 2").click()
    page.get_by_role("heading", name="Reject: 2 of 2 done").wait_for()
    votes = [(state(one), one.approvals.get().reason, one.approvals.get().category) for one in proposals]
    assert votes == [("rejected", "jokes, all of them", "wrong_target")] * 2
