"""The queue page: its tabs, what a row tells, pages to both sides, filters and search, empty states, what it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestra.engine import resolve
from orchestra.models import HumanTask, Person, Proposal, User
from orchestra.people import roles
from reviews.models import Claim, Presence
from reviews.queue import ON_PAGE
from tests import factories
from tests.decisions.conftest import Scene, member, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import signed_in

LINKS = re.compile(r'<a href="(/reviews/[^"?]+)[^"]*" data-stop')
MOST_QUERIES = 8
HEAVIEST = 60_000


def page(person: Person, **asked: str) -> str:
    """The text of a page of the queue, every gap one space wide."""
    answer = signed_in(person).get("/reviews/", asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def shown(text: str) -> list[str]:
    """The addresses of the rows of a page, in order."""
    return LINKS.findall(text)


def question(scene: Scene, group: str = "reviewers", **columns: Any) -> HumanTask:
    """A question asked of a group about a run of the scene's deployment."""
    task = factories.task(scene.proposal.deployment, requester=scene.requester)
    return factories.humantask(factories.run(task), group=Group.objects.get(name=group), **columns)


def address(row: Proposal | HumanTask) -> str:
    return f"/reviews/{row.uid}/" if isinstance(row, Proposal) else f"/reviews/questions/{row.uid}/"


def test_title_and_tabs_say_how_much_there_is(scene: Scene) -> None:
    propose(scene.proposal.deployment, scene.reviewer)
    factories.walk(propose(scene.proposal.deployment, scene.requester), "expired")
    factories.walk(propose(scene.proposal.deployment, scene.requester), "approved")
    text = page(scene.reviewer)
    assert "<title>Review (1) · Orchestra</title>" in text
    for tab in ("Your turn 1", "Waiting for others 1", "Decided 1", "Expired 1"):
        assert tab in text


def test_what_ended_before_today_is_listed_and_not_counted(scene: Scene) -> None:
    before = timezone.now() - timedelta(days=3)
    old = factories.walk(propose(scene.proposal.deployment, scene.requester), "approved", decided_at=before)
    text = page(scene.reviewer, tab="decided")
    assert "Decided 0" in text
    assert shown(text) == [address(old)]
    assert "3 days ago" in text


def test_a_row_tells_risk_sentence_place_and_votes(scene: Scene) -> None:
    agent = factories.agentversion()
    turn = factories.turn(
        factories.step(factories.run(factories.task(scene.proposal.deployment))), agent_version=agent
    )
    call = factories.walk(factories.toolcall(turn.step, turn=turn), "awaiting_approval")
    proposal = factories.proposal(call, tier=4, votes_needed=2, sentence="Delete 214 rows in orders")
    factories.approval(proposal, scene.second_reviewer)
    text = page(scene.reviewer)
    row = text.partition(f'data-row="{proposal.uid}"')[2].partition("</tr>")[0]
    for told in ("critical", "Delete 214 rows in orders", agent.agent.name, "1 of 2", "under 1 min"):
        assert told in row
    assert str(proposal.deployment.workflow) in row


def test_where_votes_are_blind_nobody_is_told_how_many_there_are(scene: Scene) -> None:
    proposal = propose(
        scene.proposal.deployment, scene.requester, votes_needed=2, requirements={"blind": True}
    )
    factories.approval(proposal, scene.second_reviewer)
    text = page(scene.reviewer)
    assert "2 unseen" in text
    assert "1 of 2" not in text


def test_expiry_is_told_in_words_when_it_is_near(scene: Scene) -> None:
    near, far = timezone.now() + timedelta(minutes=12.5), timezone.now() + timedelta(hours=2)
    propose(scene.proposal.deployment, scene.requester, expires_at=near)
    propose(scene.proposal.deployment, scene.requester, expires_at=far)
    assert re.findall(r'class="soon"[^>]*>([^<]+)<', page(scene.reviewer)) == ["12 min left"]


def test_rows_say_who_has_it_and_how_many_others_look(scene: Scene) -> None:
    later, before = timezone.now() + timedelta(minutes=5), timezone.now() - timedelta(minutes=5)
    Claim.objects.create(proposal=scene.proposal, person=scene.second_reviewer, until=later)
    Presence.objects.create(proposal=scene.proposal, person=scene.second_reviewer, seen_at=timezone.now())
    Presence.objects.create(proposal=scene.proposal, person=scene.reviewer, seen_at=timezone.now())
    text = page(scene.reviewer)
    assert "sue has it" in text
    assert "looking" not in text
    Claim.objects.update(until=before)
    assert "1 other looking" in page(scene.reviewer)
    Presence.objects.update(seen_at=before)
    text = page(scene.reviewer)
    assert "has it" not in text
    assert "looking" not in text


def test_what_others_wrote_is_plain_text_with_unseen_characters_shown(scene: Scene) -> None:
    propose(scene.proposal.deployment, scene.requester, sentence="Pay <b>now</b>")
    question(scene, title="Pay \u202e100 EUR <i>now</i>?")
    text = page(scene.reviewer)
    assert "\u202e" not in text
    assert "<b>now" not in text
    assert "<i>now" not in text


@pytest.mark.parametrize(
    "wanted", [{"groups": ["finance"]}, {"stages": [["operators"], ["finance"]]}], ids=["group", "stage"]
)
def test_what_a_rule_asks_of_another_group_waits_for_others(scene: Scene, wanted: dict[str, Any]) -> None:
    Group.objects.create(name="finance")
    proposal = propose(scene.proposal.deployment, scene.requester, requirements=wanted)
    assert address(proposal) not in shown(page(scene.reviewer))
    assert address(proposal) in shown(page(scene.reviewer, tab="others"))
    User.objects.get(person=scene.reviewer).groups.add(Group.objects.get(name="finance"))
    assert address(proposal) in shown(page(scene.reviewer))


def test_who_may_look_and_not_review_sees_all_of_it_wait_for_others(scene: Scene) -> None:
    auditor, asked = member("audrey", "auditors"), question(scene)
    assert shown(page(auditor)) == []
    assert set(shown(page(auditor, tab="others"))) == {address(scene.proposal), address(asked)}
    assert "Waiting for others 2" in page(auditor)


def test_who_changed_a_risky_call_leaves_it_to_others(scene: Scene) -> None:
    proposals = [propose(scene.proposal.deployment, scene.requester, tier=tier) for tier in (2, 3)]
    for proposal in proposals:
        type(proposal.toolcall).objects.filter(pk=proposal.toolcall_id).update(edited_by=scene.reviewer)
    assert address(proposals[0]) in shown(page(scene.reviewer))
    assert address(proposals[1]) not in shown(page(scene.reviewer))


@pytest.mark.parametrize(
    ("columns", "theirs"),
    [
        ({"tier": 2}, True),
        ({"tier": 3}, False),
        ({"tier": 1, "requirements": {"other_than_editor": True}}, False),
        ({"tier": 1, "requirements": {"other_than_editor": False, "tier": 1}}, True),
    ],
)
def test_who_changed_what_a_call_takes_the_place_of_has_their_turn_as_the_rules_say(
    scene: Scene, columns: dict[str, Any], theirs: bool
) -> None:
    first = factories.toolcall(factories.step(factories.run(scene.proposal.toolcall.run.task)))
    place: dict[str, Any] = {"of": first.step, "ordinal": first.ordinal}
    second = factories.toolcall(**place, revision=1, parent=first, edited_by=scene.reviewer)
    third = factories.toolcall(**place, revision=2, parent=second)
    proposal = factories.proposal(factories.walk(third, "awaiting_approval"), **columns)
    again = type(proposal).objects.get(pk=proposal.pk)
    assert (resolve.objection(again, scene.reviewer) is None) == theirs
    assert (address(proposal) in shown(page(scene.reviewer))) == theirs
    beside = factories.toolcall(first.step, ordinal=first.ordinal + 1)
    other = factories.proposal(factories.walk(beside, "awaiting_approval"), **columns)
    assert address(other) in shown(page(scene.reviewer))


# --- Questions beside proposals.


def test_questions_stand_among_the_proposals_by_risk_and_age(scene: Scene) -> None:
    low, high = scene.proposal, propose(scene.proposal.deployment, scene.requester, tier=4)
    form, trouble = question(scene), question(scene, kind="escalation")
    middle = propose(scene.proposal.deployment, scene.requester, tier=3)
    text = page(scene.reviewer)
    assert shown(text) == [address(row) for row in (high, trouble, middle, form, low)]
    assert "Your turn 5" in text
    assert ">stuck</span>" in text
    assert ">question</span>" in text


def test_questions_of_other_groups_wait_for_others_and_answered_ones_are_decided(scene: Scene) -> None:
    foreign, answered = question(scene, "operators"), question(scene, state="answered")
    assert shown(page(scene.reviewer, tab="others")) == [address(foreign)]
    text = page(scene.reviewer, tab="decided")
    assert shown(text) == [address(answered)]
    assert ">answered</b> by" in text


def test_pages_lead_through_both_kinds_once_in_order_and_back(scene: Scene) -> None:
    for number in range(ON_PAGE + 5):
        propose(scene.proposal.deployment, scene.requester, tier=1 + number % 4)
        if number % 4 == 0:
            question(scene, kind=("form", "escalation")[number % 8 // 4])
    there: list[str] = []
    pages: list[list[str]] = []
    asked, text = "tab=yours", ""
    client = signed_in(scene.reviewer)
    while asked:
        text = client.get(f"/reviews/?{asked}").content.decode().replace("&amp;", "&")
        pages.append(shown(" ".join(text.split())))
        there += pages[-1]
        older = re.search(r'href="\?([^"]+)" rel="next"', text)
        asked = older[1] if older else ""
    assert len(set(there)) == len(there) == Proposal.objects.count() + HumanTask.objects.count()
    newer = re.search(r'href="\?([^"]+)" rel="prev"', text)
    assert newer
    text = client.get(f"/reviews/?{newer[1]}").content.decode()
    assert shown(" ".join(text.split())) == pages[-2]
    assert 'rel="next"' in text


def test_decided_pages_go_by_time_and_back(scene: Scene) -> None:
    for _ in range(ON_PAGE + 3):
        factories.walk(propose(scene.proposal.deployment, scene.requester), "rejected")
    question(scene, state="answered")
    client = signed_in(scene.reviewer)
    first = client.get("/reviews/?tab=decided").content.decode()
    older = re.search(r'href="\?([^"]+)" rel="next"', first)
    assert older
    second = client.get(f"/reviews/?{older[1].replace('&amp;', '&')}").content.decode()
    texts = [" ".join(text.split()) for text in (first, second)]
    assert len({*shown(texts[0]), *shown(texts[1])}) == ON_PAGE + 4
    newer = re.search(r'href="\?([^"]+)" rel="prev"', second)
    assert newer
    again = client.get(f"/reviews/?{newer[1].replace('&amp;', '&')}").content.decode()
    assert shown(" ".join(again.split())) == shown(texts[0])


# --- Filters and search.


@pytest.mark.parametrize("words", ["credit", "EUR 9.00", "Smith", "W-77", "the run"])
def test_words_are_found_in_sentence_subject_reference_and_run(scene: Scene, words: str) -> None:
    task = factories.task(
        scene.proposal.deployment, subject="Ann Smith", reference="W-77", requester=scene.requester
    )
    run = factories.run(task)
    call = factories.walk(factories.toolcall(factories.step(run)), "awaiting_approval")
    found = factories.proposal(call, sentence="Credit 9.00 EUR to Ann")
    propose(scene.proposal.deployment, scene.requester, sentence="Cancel an order")
    text = page(scene.reviewer, words=str(run.uid) if words == "the run" else words)
    assert shown(text) == [address(found)]


def test_words_and_filters_narrow_questions_too(scene: Scene) -> None:
    asked = question(scene, title="Is this order genuine?")
    question(scene, title="Which address?")
    assert shown(page(scene.reviewer, words="genuine")) == [address(asked)]
    assert len(shown(page(scene.reviewer, tier="2"))) == 2
    assert shown(page(scene.reviewer, tool="refund")) == [address(scene.proposal)]


def test_filters_offer_the_names_that_there_are_and_no_foreign_ones(scene: Scene) -> None:
    foreign = propose(factories.deployment(where="prod"), scene.requester)
    text = page(scene.reviewer)
    assert f'<option value="{scene.proposal.deployment.workflow.name}">' in text
    assert '<option value="refund">' in text
    assert foreign.deployment.workflow.name not in text
    assert '<option value="prod">' not in text


def test_rows_of_a_filtered_tab_are_opened_with_the_filter(scene: Scene) -> None:
    path = f'href="/reviews/{scene.proposal.uid}/'
    assert f'{path}?tab=yours&amp;words=Refund"' in page(scene.reviewer, words="Refund")
    assert f'{path}"' in page(scene.reviewer)


def test_filter_is_kept_from_page_to_page_and_can_be_cleared(scene: Scene) -> None:
    for _ in range(ON_PAGE):
        propose(scene.proposal.deployment, scene.requester)
    text = page(scene.reviewer, tier="1", tool="refund")
    assert "Filter: tier low, tool refund" in text
    assert re.search(r'href="\?tab=yours&amp;tier=1&amp;tool=refund&amp;before=[^"]+" rel="next"', text)
    assert '<a class="button" href="?tab=yours">Clear the filter</a>' in page(scene.reviewer, tool="none")


@pytest.mark.parametrize(
    "asked",
    [
        {"after": "x"},
        {"before": "1~2~3~4"},
        {"before": "1~2026-01-01T00:00:00~0~1"},
        {"before": "1~9999-12-31T23:59:59-01:00~0~1"},
        {"after": "1~0001-01-01T00:00:00+01:00~0~1"},
        {"after": "1~2026-01-01T00:00:00+00:00~0~¹"},
    ],
)
def test_places_that_lead_nowhere_are_refused(scene: Scene, asked: dict[str, str]) -> None:
    assert signed_in(scene.reviewer).get("/reviews/", asked).status_code == 422


# --- Empty states.


def test_later_page_that_was_emptied_meanwhile_leads_to_the_first(scene: Scene) -> None:
    for _ in range(ON_PAGE):
        propose(scene.proposal.deployment, scene.requester, tier=3)
    client = signed_in(scene.reviewer)
    first = client.get("/reviews/?tier=3&tab=yours").content.decode()
    assert 'rel="next"' not in first
    older = re.search(r'href="\?([^"]+)" rel="next"', client.get("/reviews/").content.decode())
    assert older
    factories.walk(scene.proposal, "expired")
    answer = client.get(f"/reviews/?{older[1].replace('&amp;', '&')}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/reviews/?tab=yours")


def test_nothing_that_waits_is_told_with_the_last_decision(scene: Scene) -> None:
    factories.walk(scene.proposal, "approved")
    text = page(scene.reviewer)
    assert "Nothing waits for you." in text
    assert f'The last decision: <a href="{address(scene.proposal)}">' in text
    assert '<a href="?tab=others">' in text


@pytest.mark.parametrize(
    ("tab", "says"),
    [
        ("others", "Nothing waits for others"),
        ("decided", "Nothing has been decided"),
        ("expired", "Nothing has expired"),
    ],
)
def test_other_empty_tabs_say_so(scene: Scene, tab: str, says: str) -> None:
    assert says in page(scene.reviewer, tab=tab)


def test_who_may_look_at_nothing_reads_who_gives_access_and_no_counts(scene: Scene) -> None:
    text = page(member("gus", "operators"))
    assert "Your turn" in text
    roles.visible_to(scene.outsider)
    User.objects.create(username="olaf", person=scene.outsider)
    text = page(scene.outsider)
    assert "An administrator gives access" in text
    for word in ("Your turn", "Expired", "Decided", 'class="tabs"'):
        assert word not in text


# --- What it costs.


def queries(client: Client, **asked: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get("/reviews/", asked).status_code == 200
    return len([one for one in seen.captured_queries if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))])


@pytest.mark.parametrize("tab", ["yours", "others", "decided", "expired"])
def test_every_tab_asks_at_most_eight_times_full_or_empty(scene: Scene, tab: str) -> None:
    client = signed_in(scene.reviewer)
    empty = queries(client, tab=tab)
    for _ in range(10):
        propose(scene.proposal.deployment, scene.requester)
        question(scene)
        for state in ("approved", "expired"):
            factories.walk(propose(scene.proposal.deployment, scene.requester), state)
    assert max(empty, queries(client, tab=tab), queries(client, tab=tab, tool="none")) <= MOST_QUERIES


def test_a_full_page_is_light(scene: Scene) -> None:
    for number in range(ON_PAGE):
        sentence = f"Refund {number}.00 EUR to the customer of order #W{number:07}, by the way they paid"
        propose(scene.proposal.deployment, scene.requester, sentence=sentence)
    content = signed_in(scene.reviewer).get("/reviews/").content
    assert content.count(b"data-row=") == ON_PAGE
    assert len(content) < HEAVIEST
