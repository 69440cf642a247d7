"""A page that outlives its session: where a sign-in leads back to, who may go on with it, and what a part of it is told."""

from __future__ import annotations

import time

import pytest
from django.conf import settings
from django.test import Client

from orchestra.models import Person
from orchestra.people import persons
from tests.decisions.conftest import Scene
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import HOST, form, signed_in, state

HTMX = {"HX-Request": "true"}


def claim(scene: Scene, referer: str) -> str:
    """Send the form of a page without a session; where that leads to."""
    sent = Client(headers=HOST).post(
        f"/reviews/{scene.proposal.uid}/claim/", headers={"Referer": referer} if referer else {}
    )
    assert sent.status_code == 302
    return sent.headers["Location"]


def test_sign_in_leads_back_to_the_page_whose_form_was_sent(scene: Scene) -> None:
    back = claim(scene, f"http://localhost/reviews/{scene.proposal.uid}/?tab=others#decide")
    assert back == f"/accounts/login/?next=/reviews/{scene.proposal.uid}/%3Ftab%3Dothers"


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/x", "http://localhost.evil.example/", "javascript:1"]
)
def test_sign_in_leads_to_no_page_of_others(scene: Scene, referer: str) -> None:
    assert claim(scene, referer) == f"/accounts/login/?next=/reviews/{scene.proposal.uid}/claim/"


def sent_for(scene: Scene, whose: Person, *, headers: dict[str, str]) -> tuple[int, str, str]:
    """The reviewer sends the form of a page that was drawn for somebody: status, target, text."""
    answer = signed_in(scene.reviewer).post(
        f"/reviews/{scene.proposal.uid}/reject/", form(scene, _person=str(whose.uid)), headers=headers
    )
    return answer.status_code, answer.headers.get("HX-Retarget", ""), answer.content.decode()


def test_page_of_somebody_else_decides_nothing(scene: Scene) -> None:
    status, target, text = sent_for(scene, scene.second_reviewer, headers=HTMX)
    assert (status, target, state(scene.proposal)) == (409, "#trouble", "pending")
    assert "Somebody else has signed in here" in text
    assert "<html" not in text
    status, _, text = sent_for(scene, scene.second_reviewer, headers={})
    assert (status, "<html" in text, state(scene.proposal)) == (409, True, "pending")
    assert sent_for(scene, scene.reviewer, headers={})[0] == 302
    assert state(scene.proposal) == "rejected"


def test_form_with_a_token_of_no_page_of_ours_is_told_above_the_page(scene: Scene) -> None:
    answer = signed_in(scene.reviewer, csrf=True).post(
        f"/reviews/{scene.proposal.uid}/reject/", form(scene), headers=HTMX
    )
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "#trouble")
    assert b"not sent from one of our own pages" in answer.content
    assert b"<html" not in answer.content


@pytest.mark.parametrize(
    ("path", "trigger", "ends"),
    [("/reviews/news", "news", True), ("/runs/", "news", True), ("/reviews/", "", False)],
    ids=["news of the queue", "a page that asks by itself", "a page that somebody opens"],
)
def test_page_that_asks_by_itself_keeps_no_session_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, path: str, trigger: str, ends: bool
) -> None:
    password = "a long enough password"
    persons.add(name="ann", full_name="", groups=["reviewers"], password=password)
    client, now = Client(headers=HOST), time.time()
    client.post("/accounts/login/", {"login": "ann", "password": password})
    for past in (0.6, 1.2):
        monkeypatch.setattr(
            "orchestra.views.sessions.time.time", lambda at=past: now + at * settings.SESSION_IDLE
        )
        client.get(path, headers={"HX-Request": "true", "HX-Trigger": trigger} if trigger else {})
    assert ("_auth_user_id" not in client.session) == ends
