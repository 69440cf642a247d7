"""The whole story in the browser: asked in a form, claimed, edited and approved by two, done once in the shop, told at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestra.models import Person, Proposal, User
from tests.databases import Database
from tests.e2e import worlds
from tests.engine.stage import forget
from tests.gate.conftest import token as token
from tests.gate.stage import GateStage
from tests.store.shop import BASE, Shop, address
from tests.waiting import until

pytestmark = pytest.mark.e2e
TOOL = "modify_user_address"
CUSTOMER = next(iter(BASE.users))
FIELDS = ("user_id", *address())
Enter = Callable[[Person], Page]


@pytest.fixture
def stage(database: Database, shop: Shop, token: None) -> Iterator[GateStage]:
    """A workflow that changes an address, which two must agree to; with a worker."""
    forget()
    made = GateStage(database, shop)
    made.policy(
        {
            "id": "two-look",
            "tools": [TOOL],
            "verdict": "review",
            "message": "Two people look at every change of an address.",
            "requires": {"votes": 2},
        }
    )
    made.hire()
    yield made
    made.dismiss()


@pytest.fixture
def workflow(stage: GateStage) -> str:
    """Its name; requesters find it under My tasks."""
    given = {name: {"type": "string", "title": name} for name in FIELDS}
    step = {"kind": "tool", "tool": TOOL, "with": {name: f"{{{{ input.{name} }}}}" for name in FIELDS}}
    asked = {"type": "object", "required": ["user_id"], "additionalProperties": False, "properties": given}
    return stage.workflow({"move": step}, description="Move a customer.", input=asked)


@pytest.fixture
def enter(browser: Browser, address: str) -> Iterator[Enter]:
    """A browser in which somebody has signed in."""
    contexts = []

    def come(person: Person) -> Page:
        context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
        worlds.sign_in(context, User.objects.get(person=person), address)
        contexts.append(context)
        return context.new_page()

    yield come
    for context in contexts:
        context.close()


def ask(page: Page, workflow: str, world: str, **values: str) -> str:
    """Submit the form; the address of the page that follows the task."""
    page.goto("/tasks/new/")
    page.get_by_role("link", name=workflow, exact=True).click()
    for name, value in {"user_id": CUSTOMER, **address(address2="Floor 2"), **values}.items():
        page.get_by_label(name).fill(value)
    page.get_by_text(re.compile("More|Subject")).first.click()
    page.get_by_label("Labels").fill(f"world={world}")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Submitted: ").wait_for()
    return str(page.url)


def open_first(page: Page) -> None:
    """From the queue to what stands on top of it."""
    page.goto("/reviews/")
    page.locator("table.queue tbody a").first.click()
    page.get_by_role("heading", name="Decision").wait_for()


def test_task_from_the_form_is_edited_approved_by_two_and_done_once(
    stage: GateStage, workflow: str, enter: Enter, shop: Shop, world: str
) -> None:
    rita, rob, sue = (enter(person) for person in (stage.requester, stage.reviewer, stage.second_reviewer))
    task = ask(rita, workflow, world, city="Wrong Town")
    until(lambda: Proposal.objects.filter(state="pending").exists(), what="a question to people")
    rita.goto(f"/reviews/{Proposal.objects.get().uid}/")
    expect(rita.get_by_role("complementary")).to_contain_text("deciding needs the right")
    open_first(rob)
    rob.get_by_role("button", name="I look after it").click()
    open_first(sue)
    expect(sue.get_by_role("complementary")).to_contain_text("rob")
    edit_town(rob)
    until(
        lambda: Proposal.objects.filter(state="pending", approvals__person=stage.reviewer).exists(),
        what="his vote",
    )
    assert shop.effects(world) == []
    open_first(sue)
    expect(sue.get_by_role("complementary")).to_contain_text("1 of 2")
    expect(sue.get_by_role("article")).to_contain_text("Right Town")
    sue.get_by_role("button", name="Approve").click()
    until(lambda: len(shop.effects(world)) == 1, what="the effect")
    rita.goto(task)
    expect(rita.get_by_role("main")).to_contain_text(
        re.compile("succeeded|done", re.IGNORECASE), timeout=30_000
    )
    state = shop.get(f"/worlds/{world}/state")
    assert state["users"][CUSTOMER]["address"]["city"] == "Right Town"
    assert len(shop.effects(world)) == 1


def edit_town(page: Page) -> None:
    """Change one argument, look at the difference, and approve that."""
    page.get_by_role("link", name="Edit, then approve").click()
    page.get_by_label("city").fill("Right Town")
    page.locator("form[data-decision] button[type=submit]").last.click()
    expect(page.get_by_role("main")).to_contain_text("What you change")
    page.get_by_label("Reason").fill("she said so on the telephone")
    page.get_by_role("button", name=re.compile("pprove")).click()


def test_who_comes_second_sees_who_decided_and_why_and_keeps_the_text(
    stage: GateStage, workflow: str, enter: Enter, world: str
) -> None:
    rita, rob, sue = (enter(person) for person in (stage.requester, stage.reviewer, stage.second_reviewer))
    task = ask(rita, workflow, world)
    until(lambda: Proposal.objects.filter(state="pending").exists(), what="a question to people")
    open_first(rob)
    open_first(sue)
    rob.get_by_label("Reason").fill("She moved elsewhere.")
    rob.get_by_role("button", name="Reject").click()
    until(lambda: Proposal.objects.filter(state="rejected").exists(), what="the rejection")
    sue.get_by_label("Reason").fill("It is as she wrote to us.")
    sue.get_by_role("button", name="Approve").click()
    panel = sue.get_by_role("complementary")
    expect(panel).to_contain_text("She moved elsewhere.")
    expect(panel).to_contain_text("rob")
    expect(panel).to_contain_text("It is as she wrote to us.")
    rita.goto(task)
    expect(rita.get_by_role("main")).to_contain_text("She moved elsewhere.", timeout=30_000)
