"""News of the queue: nothing when nothing happened, how many rows are new, how the shown ones stand, and who looks."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestra.models import Person, Proposal
from reviews.models import Claim, Presence
from tests import factories
from tests.decisions.conftest import Scene, propose
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import signed_in

POLL = re.compile(r'hx-get="([^"]+)"')
NOTHING = 204


class Looker:
    """A browser that has a page of the queue open, and asks for news as live.js does."""

    def __init__(self, person: Person, **asked: str) -> None:
        self.client = signed_in(person)
        page = self.client.get("/reviews/", asked).content.decode()
        self.rows = re.findall(r'data-row="([^"]+)"', page)
        self.address = self._poll(page)

    def ask(self) -> tuple[int, str]:
        """Ask once; the next time asks with the version that came."""
        shown = urlencode({"row": self.rows}, doseq=True)
        answer = self.client.get(f"{self.address}&{shown}", headers={"HX-Request": "true"})
        text = " ".join(answer.content.decode().split())
        if answer.status_code == 200:
            self.address = self._poll(text)
        return answer.status_code, text

    @staticmethod
    def _poll(text: str) -> str:
        found = POLL.search(text)
        assert found
        return found[1].replace("&amp;", "&")


def test_nothing_is_told_when_nothing_happened(scene: Scene) -> None:
    looker = Looker(scene.reviewer)
    assert looker.ask() == (NOTHING, "")


def test_new_rows_are_counted_once_and_not_drawn(scene: Scene) -> None:
    looker = Looker(scene.reviewer)
    new = propose(scene.proposal.deployment, scene.requester)
    factories.humantask(
        factories.run(factories.task(scene.proposal.deployment)), group=Group.objects.get(name="reviewers")
    )
    status, text = looker.ask()
    assert (status, "<strong>2 new</strong>" in text) == (200, True)
    assert str(new.uid) not in text
    assert looker.ask()[0] == NOTHING


def test_what_waited_before_and_stands_on_another_page_is_no_news(scene: Scene) -> None:
    looker = Looker(scene.reviewer)
    before = timezone.now() - timedelta(minutes=1)
    propose(scene.proposal.deployment, scene.requester, created_at=before)
    assert looker.ask()[0] == NOTHING


def test_rows_that_are_new_to_others_are_no_news(scene: Scene) -> None:
    looker, narrow = Looker(scene.reviewer), Looker(scene.reviewer, tier="4")
    propose(scene.proposal.deployment, scene.reviewer)
    propose(factories.deployment(where="prod"), scene.requester)
    assert looker.ask()[0] == NOTHING
    propose(scene.proposal.deployment, scene.requester, tier=1)
    assert looker.ask()[0] == 200
    assert narrow.ask()[0] == NOTHING


def test_decision_elsewhere_changes_the_row_in_its_place(scene: Scene) -> None:
    looker = Looker(scene.reviewer)
    factories.approval(scene.proposal, scene.second_reviewer)
    factories.walk(scene.proposal, "approved")
    status, text = looker.ask()
    assert status == 200
    row = text.partition(f'id="s-{scene.proposal.uid}"')[2].partition("</span>")[0]
    assert 'hx-swap-oob="true"' in row
    assert "approved" in row
    assert "by sue" in row
    assert "1 of those shown is over." in text
    assert looker.ask()[0] == NOTHING


def test_votes_claims_and_lookers_are_told_and_their_end_too(scene: Scene) -> None:
    proposal = propose(scene.proposal.deployment, scene.requester, votes_needed=2)
    looker = Looker(scene.reviewer)
    factories.approval(proposal, scene.second_reviewer)
    assert "1 of 2" in looker.ask()[1]
    Presence.objects.create(proposal=proposal, person=scene.second_reviewer, seen_at=timezone.now())
    assert "1 other looking" in looker.ask()[1]
    later = timezone.now() + timedelta(minutes=10)
    Claim.objects.create(proposal=proposal, person=scene.second_reviewer, until=later)
    assert "sue has it" in looker.ask()[1]
    Claim.objects.all().delete()
    Presence.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
    status, text = looker.ask()
    assert (status, "has it" in text, "looking" in text) == (200, False, False)


def test_open_page_notes_who_looks_and_tells_of_the_others(scene: Scene) -> None:
    asked = {"at": str(scene.proposal.uid), "since": f"{timezone.now().isoformat()}~"}
    first, second = signed_in(scene.reviewer), signed_in(scene.second_reviewer)
    first.get("/reviews/news", asked)
    text = " ".join(second.get("/reviews/news", asked).content.decode().split())
    assert "1 other looking" in text
    first.get("/reviews/news", asked)
    assert Presence.objects.count() == 2
    factories.walk(scene.proposal, "rejected")
    text = " ".join(second.get("/reviews/news", asked).content.decode().split())
    assert "This is rejected now" in text


def test_nobody_learns_of_what_is_not_theirs_to_see(scene: Scene) -> None:
    foreign = propose(factories.deployment(where="prod"), scene.requester)
    client = signed_in(scene.reviewer)
    since = f"{timezone.now().isoformat()}~"
    assert client.get("/reviews/news", {"at": str(foreign.uid), "since": since}).status_code == 404
    assert Presence.objects.count() == 0
    told = client.get("/reviews/news", {"row": str(foreign.uid), "since": since}).content.decode()
    assert str(foreign.uid) not in told


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00~"},
        {"since": "0001-01-01T00:00:00+00:00~"},
        {"since": "9999-12-31T23:59:59-01:00~"},
        {"since": "2026-01-01T00:00:00+00:00~", "row": "x"},
        {"since": "2026-01-01T00:00:00+00:00~", "at": "x"},
        {"since": "2026-01-01T00:00:00+00:00~", "tier": "9"},
    ],
)
def test_nonsense_is_refused(scene: Scene, asked: dict[str, str]) -> None:
    assert signed_in(scene.reviewer).get("/reviews/news", asked).status_code == 422


def test_session_that_ended_is_told_beside_the_rows(scene: Scene) -> None:
    looker = Looker(scene.reviewer)
    looker.client.logout()
    status, text = looker.ask()
    assert (status, "You are signed out" in text) == (401, True)


def test_asking_costs_one_statement_besides_who_asks(scene: Scene) -> None:
    for _ in range(10):
        propose(scene.proposal.deployment, scene.requester)
    looker = Looker(scene.reviewer)
    with CaptureQueriesContext(connection) as seen:
        assert looker.ask()[0] == NOTHING
    told = [one["sql"] for one in seen.captured_queries if "orchestra_proposal" in one["sql"]]
    assert (len(told), len(seen.captured_queries)) == (1, 4)


def test_asking_decides_nothing_and_moves_nothing(scene: Scene) -> None:
    assert signed_in(scene.reviewer).post("/reviews/news").status_code == 405
    Looker(scene.reviewer).ask()
    assert Proposal.objects.get().state == "pending"
