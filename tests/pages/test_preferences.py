"""How pages look for one browser: what was chosen is kept in cookies, shown at once, and leads back to where one was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from orchestra.models import User
from tests import factories
from tests.databases import Database
from tests.decisions.conftest import Scene, member
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import HOST, signed_in

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r'data-key="([^"{]+)"')


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("scheme", "dark", 'data-scheme="dark"'),
        ("scheme", "light", 'data-scheme="light"'),
        ("density", "compact", 'data-density="compact"'),
        ("keys", "off", 'data-keys="off"'),
        ("live", "off", 'data-live="off"'),
    ],
)
def test_what_was_chosen_is_in_the_first_picture(scene: Scene, name: str, value: str, shown: str) -> None:
    client = signed_in(scene.reviewer)
    opening = client.get("/reviews/").content.decode().partition("<head>")[0]
    assert shown not in opening
    client.post("/preferences/", {name: value})
    assert shown in client.get("/reviews/").content.decode().partition("<head>")[0]


@pytest.mark.parametrize(
    ("place", "leads"),
    [
        ("/reviews/?tab=others", "/reviews/?tab=others"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_it_leads_back_to_our_own_pages_only(database: Database, place: str, leads: str) -> None:
    answer = Client(headers=HOST).post("/preferences/", {"scheme": "dark", "next": place})
    assert (answer.status_code, answer.headers["Location"]) == (302, leads)


def test_menu_of_a_page_says_where_one_is(scene: Scene) -> None:
    page = signed_in(scene.reviewer).get("/reviews/?tab=others").content.decode()
    assert 'name="next" value="/reviews/?tab=others"' in page


def test_a_value_that_there_is_not_is_refused(database: Database) -> None:
    client = Client(headers=HOST, raise_request_exception=False)
    answer = client.post("/preferences/", {"scheme": "<b>"})
    assert (answer.status_code, "scheme" in answer.cookies) == (422, False)


def test_an_unknown_cookie_is_not_shown(database: Database) -> None:
    client = Client(headers=HOST)
    client.cookies["scheme"] = "<script>"
    assert b"data-scheme" not in client.get("/").content


def test_reading_changes_nothing_and_forms_from_elsewhere_neither(database: Database) -> None:
    client = Client(headers=HOST, enforce_csrf_checks=True)
    assert client.get("/preferences/", {"scheme": "dark"}).status_code == 405
    answer = client.post("/preferences/", {"scheme": "dark"})
    assert (answer.status_code, "scheme" in answer.cookies) == (403, False)


def test_every_key_of_a_template_is_in_the_help(database: Database) -> None:
    templates = {path: path.read_text() for path in (ROOT / "templates").rglob("*.html")}
    told = set(re.findall(r'data-for="([^"]+)"', templates[ROOT / "templates" / "_keys.html"])) | {"k"}
    used = {key for text in templates.values() for key in KEY.findall(text)} - {"x"}
    assert used >= {"g q", "/", "?"}
    assert used <= told


def test_front_page_leads_people_to_what_is_theirs(scene: Scene) -> None:
    assert signed_in(scene.reviewer).get("/").headers["Location"] == "/reviews/"
    assert signed_in(scene.requester).get("/").status_code == 302


def test_front_page_of_strangers_and_of_accounts_of_nobody(database: Database) -> None:
    assert b"Sign in" in Client(headers=HOST).get("/").content
    client = Client(headers=HOST)
    client.force_login(
        User.objects.create(username="root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert b"belongs to no person" in client.get("/").content


def test_bar_says_what_is_halted(scene: Scene) -> None:
    client = signed_in(member("olga", "operators"))
    assert b'data-state="on"' not in client.get("/reviews/").content
    factories.halt(deployment=scene.proposal.deployment)
    assert b"1 halt on" in client.get("/reviews/").content
    factories.halt()
    assert b"Everything is halted" in client.get("/reviews/").content


def test_part_of_a_page_is_told_that_the_session_has_ended(scene: Scene) -> None:
    answer = Client(headers=HOST).get("/reviews/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (401, "#trouble")
    assert b"What you typed is still here" in answer.content
