"""The reviewers' pages: who sees what, what a decision from the form does, and how a refused one comes back."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestra.models import Approval, Person, Proposal, User
from reviews import queue
from reviews.queue import Filters
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import Scene, member, propose
from tests.decisions.conftest import scene as scene

HOST = {"host": "localhost"}


def signed_in(person: Person, *, csrf: bool = False) -> Client:
    """A browser in which the person has signed in."""
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    client.force_login(User.objects.get(person=person), backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(scene: Scene, **changes: str) -> dict[str, str]:
    """What the form of the proposal sends."""
    return {
        "digest": scene.digest.hex(),
        "reason": "it is right",
        "opened": timezone.now().isoformat(),
        **changes,
    }


def post(scene: Scene, person: Person, verb: str, **changes: str) -> tuple[int, str]:
    """Send the form as this person; the status and the text that comes back."""
    answer = signed_in(person).post(f"/reviews/{scene.proposal.uid}/{verb}/", form(scene, **changes))
    return answer.status_code, answer.content.decode()


def state(proposal: Proposal) -> str:
    return Proposal.objects.get(pk=proposal.pk).state


def test_nobody_sees_anything_without_signing_in(scene: Scene) -> None:
    for path in ("/reviews/", f"/reviews/{scene.proposal.uid}/"):
        answer = Client(headers=HOST).get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={path}")


def test_queue_shows_what_waits_for_the_reviewer_with_its_sentence(scene: Scene) -> None:
    page = signed_in(scene.reviewer).get("/reviews/").content.decode()
    assert "Your turn 1" in page
    assert f'href="/reviews/{scene.proposal.uid}/"' in page
    assert f">{scene.proposal.sentence}</a>" in page


@pytest.mark.parametrize("who", ["requester", "voter"])
def test_what_is_not_theirs_to_decide_waits_for_others(scene: Scene, who: str) -> None:
    proposal, person = scene.proposal, scene.requester
    if who == "voter":
        person = scene.reviewer
        proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
        factories.approval(proposal, person)
    assert proposal not in queue.page("yours", queue.reader(person), Filters()).rows
    assert proposal in queue.page("others", queue.reader(person), Filters()).rows


def test_stranger_is_told_the_same_of_what_is_not_theirs_and_of_what_is_not_there(scene: Scene) -> None:
    User.objects.create(username="olaf", person=scene.outsider)
    client = signed_in(scene.outsider)
    answers = [client.get(f"/reviews/{uid}/") for uid in (scene.proposal.uid, factories.uid())]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [
        re.sub(r"[0-9a-f-]{36}|[0-9a-f]{32}|[A-Za-z0-9]{64}", "", answer.content.decode())
        for answer in answers
    ]
    assert texts[0] == texts[1]
    assert "Nothing waits for you" in client.get("/reviews/").content.decode()


def test_account_of_nobody_is_told_why_it_cannot_come_in(database: Database) -> None:
    client = Client(headers=HOST, raise_request_exception=False)
    client.force_login(
        User.objects.create(username="root", is_superuser=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    answer = client.get("/reviews/")
    assert (answer.status_code, "belongs to no person" in answer.content.decode()) == (403, True)


def test_page_of_a_proposal_shows_request_and_digest_and_who_asked(scene: Scene) -> None:
    page = signed_in(scene.reviewer).get(f"/reviews/{scene.proposal.uid}/").content.decode()
    for text in ("POST", "/refunds", scene.digest.hex(), "rita", "Approve", "Reject", "Ask for changes"):
        assert text in page


def test_who_may_not_decide_reads_why_and_gets_no_buttons(scene: Scene) -> None:
    page = signed_in(scene.requester).get(f"/reviews/{scene.proposal.uid}/").content.decode()
    assert "deciding needs the right to review here" in page
    assert "<textarea" not in page


@pytest.mark.parametrize(
    ("verb", "after"), [("approve", "approved"), ("reject", "rejected"), ("changes", "returned")]
)
def test_decision_counts_and_leads_on(scene: Scene, verb: str, after: str) -> None:
    status, _ = post(scene, scene.reviewer, verb)
    assert (status, state(scene.proposal)) == (302, after)
    vote = Approval.objects.get(proposal=scene.proposal)
    assert (vote.person, vote.account.username if vote.account else "") == (scene.reviewer, "rob")
    assert vote.opened_at is not None


def test_after_a_decision_comes_what_waits_next_with_a_word_on_the_last(scene: Scene) -> None:
    following = propose(scene.proposal.deployment, scene.requester)
    client = signed_in(scene.reviewer)
    answer = client.post(f"/reviews/{scene.proposal.uid}/approve/", form(scene), follow=True)
    assert answer.redirect_chain[-1][0] == f"/reviews/{following.uid}/?tab=yours"
    assert "Approved: Refund 5.00 EUR (now approved)" in answer.content.decode()


def test_form_that_displayed_something_else_is_refused_and_the_text_is_kept(scene: Scene) -> None:
    status, page = post(scene, scene.reviewer, "approve", digest="00" * 32, reason="a long thought")
    assert (status, state(scene.proposal)) == (409, "pending")
    assert "not what would be executed" in page
    assert "a long thought" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "Say why"),
        ({"digest": "nonsense"}, "does not say what it displayed"),
        ({"reason": "a\0b"}, "NUL"),
    ],
)
def test_form_that_says_nothing_useful_is_refused_in_words(
    scene: Scene, changes: dict[str, str], said: str
) -> None:
    status, page = post(scene, scene.reviewer, "reject", **changes)
    assert (status, state(scene.proposal), said in page) == (422, "pending", True)


def test_requester_cannot_decide_whatever_they_send(scene: Scene) -> None:
    status, page = post(scene, scene.requester, "approve")
    assert (status, state(scene.proposal)) == (403, "pending")
    assert "right to review" in page


def test_second_decision_is_told_of_the_first(scene: Scene) -> None:
    assert post(scene, scene.reviewer, "reject")[0] == 302
    status, page = post(scene, scene.second_reviewer, "approve", reason="let us")
    assert (status, "rejected by rob" in page, "let us" in page) == (409, True, True)


def test_reading_decides_nothing(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    for verb in ("approve", "reject", "changes", "withdraw", "claim"):
        assert client.get(f"/reviews/{scene.proposal.uid}/{verb}/", form(scene)).status_code == 405
    assert client.post(f"/reviews/{scene.proposal.uid}/burn/", form(scene)).status_code == 404
    assert state(scene.proposal) == "pending"


def test_form_from_elsewhere_is_refused(scene: Scene) -> None:
    client = signed_in(scene.reviewer, csrf=True)
    answer = client.post(f"/reviews/{scene.proposal.uid}/approve/", form(scene))
    assert (answer.status_code, state(scene.proposal)) == (403, "pending")
    assert "not sent from one of our own pages" in answer.content.decode()


def test_what_the_agent_says_is_quoted_as_plain_text(scene: Scene) -> None:
    evil = "<script>alert(1)</script>\u202eend"
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.toolcall(factories.step(run), agent_reason=evil, arguments={"note": evil})
    proposal = factories.proposal(factories.walk(call, "awaiting_approval"))
    page = signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/").content.decode()
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_blind_votes_stay_blind_until_the_own_one(scene: Scene) -> None:
    proposal = propose(
        scene.proposal.deployment, scene.requester, votes_needed=2, requirements={"blind": True, "votes": 2}
    )
    factories.approval(proposal, scene.reviewer, reason="I think so")
    assert (
        "I think so" not in signed_in(scene.second_reviewer).get(f"/reviews/{proposal.uid}/").content.decode()
    )


def test_pages_lead_through_all_that_waits_once_and_in_order(scene: Scene) -> None:
    for number in range(queue.ON_PAGE + 20):
        propose(scene.proposal.deployment, scene.requester, tier=1 + number % 4)
    seen: list[Proposal] = []
    filters = Filters()
    while True:
        page = queue.page("yours", queue.reader(scene.reviewer), filters)
        seen += page.rows
        if not page.older:
            break
        filters = Filters(before=page.older)
    assert len({row.pk for row in seen}) == len(seen) == queue.ON_PAGE + 21
    assert [row.tier for row in seen] == sorted((row.tier for row in seen), reverse=True)


def test_filters_narrow_and_say_so_and_nonsense_is_refused(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    assert "fits: tool nothing" in client.get("/reviews/", {"tool": "nothing"}).content.decode()
    assert scene.proposal.sentence in client.get("/reviews/", {"tool": "refund"}).content.decode()
    for wrong in ({"tier": "9"}, {"before": "x"}, {"before": "1~2~3"}):
        assert client.get("/reviews/", wrong).status_code == 422
    assert client.get("/reviews/", {"tab": "none"}).status_code == 404


def _queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/reviews/").status_code == 200
    return len([one for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "BEGIN"))])


def test_queue_asks_the_database_no_more_for_more_rows(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    few = _queries(client)
    for _ in range(20):
        propose(scene.proposal.deployment, scene.requester)
    assert _queries(client) == few <= 16


def test_reviewer_who_lost_the_right_cannot_decide_any_more(scene: Scene) -> None:
    client = signed_in(scene.reviewer)
    User.objects.get(person=scene.reviewer).groups.clear()
    answer = client.post(f"/reviews/{scene.proposal.uid}/approve/", form(scene))
    assert (answer.status_code, state(scene.proposal)) == (404, "pending")
    assert member("new", "reviewers") != scene.reviewer
