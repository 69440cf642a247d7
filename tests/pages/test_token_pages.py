"""The page of API tokens: made and shown once, listed, revoked; the page that documents the API."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from orchestra.models import ApiToken, Person, User
from orchestra.people import persons, tokens
from orchestra.views import tokens as pages
from tests import factories
from tests.databases import Database

HOST = {"host": "localhost"}
PASSWORD = "a long enough password"


@pytest.fixture
def rob(database: Database) -> Person:
    return persons.add(name="rob", full_name="Rob", groups=["reviewers"], password=PASSWORD)


def entered(*, csrf: bool = False) -> Client:
    """A browser in which rob has just signed in with his password."""
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    if csrf:
        client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    else:
        client.post("/accounts/login/", {"login": "rob", "password": PASSWORD})
    return client


def make(client: Client, *scopes: str, name: str = "laptop", hours: int = 12) -> tuple[int, str]:
    answer = client.post("/accounts/tokens/", {"name": name, "scopes": scopes, "hours": hours})
    return answer.status_code, answer.content.decode()


def test_new_token_is_shown_once_and_opens_the_api(rob: Person) -> None:
    client = entered()
    status, page = make(client, "proposals:read", "proposals:decide")
    text = re.search(r"orc_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", page)
    assert (status, text is not None) == (201, True)
    assert text is not None
    told = Client(headers={**HOST, "authorization": f"Bearer {text[0]}"}).get("/api/v1/me")
    assert told.json()["token"]["scopes"] == ["proposals:read", "proposals:decide"]
    again = client.get("/accounts/tokens/")
    assert text[0] not in again.content.decode()
    assert text[0][:12] in again.content.decode()
    assert "no-store" in again.headers["Cache-Control"]


def test_session_does_not_open_the_api(rob: Person) -> None:
    assert entered().get("/api/v1/me").status_code == 401


def test_token_that_decides_wants_a_fresh_sign_in_and_keeps_what_was_typed(
    rob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = entered()
    monkeypatch.setattr(pages, "FRESH", 0)
    answer = client.post(
        "/accounts/tokens/", {"name": "my laptop", "scopes": ["proposals:decide"], "hours": 12}
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    back = client.post(answer.headers["Location"], {"password": PASSWORD}, follow=True)
    assert 'value="my laptop"' in back.content.decode()
    assert ApiToken.objects.count() == 0
    assert make(client, "tasks:read")[0] == 201


@pytest.mark.parametrize(
    ("scopes", "name", "hours", "said"),
    [
        ([], "laptop", 12, "Choose at least one"),
        (["tasks:read"], " ", 12, "Give it a name"),
        (["proposals:decide"], "laptop", 720, "at most 12"),
    ],
)
def test_what_cannot_be_made_is_said_at_its_field_and_the_rest_is_kept(
    rob: Person, scopes: list[str], name: str, hours: int, said: str
) -> None:
    status, page = make(entered(), *scopes, name=name, hours=hours)
    assert (status, said in page, ApiToken.objects.count()) == (422, True, 0)
    assert all(f'value="{scope}"' in page for scope in scopes)


@pytest.mark.parametrize("hours", ["000001" + "9" * 20, "-1", "x", "2", " 1"])
def test_life_that_is_not_offered_is_the_usual_one(rob: Person, hours: str) -> None:
    answer = entered().post(
        "/accounts/tokens/", {"name": "laptop", "scopes": ["tasks:read"], "hours": hours}, follow=True
    )
    assert answer.status_code == 201
    made = ApiToken.objects.get()
    assert timedelta(days=29) < made.expires_at - made.created_at < timedelta(days=31)


def test_name_is_text_and_nothing_else(rob: Person) -> None:
    client = entered()
    make(client, "tasks:read", name="<script>alert(1)</script>")
    page = client.get("/accounts/tokens/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_revoked_token_is_gone_and_anothers_cannot_be_revoked(rob: Person) -> None:
    client = entered()
    make(client, "tasks:read")
    mine = ApiToken.objects.get()
    other = tokens.mint(
        holder=factories.person("sue"), name="t", wanted=["tasks:read"], life=timedelta(hours=1), by="test"
    ).token
    page = client.post(f"/accounts/tokens/{mine.uid}/revoke/", follow=True).content.decode()
    assert ("opens nothing any more" in page, "You have no token" in page) == (True, True)
    assert client.post(f"/accounts/tokens/{other.uid}/revoke/").status_code == 404
    assert ApiToken.objects.get(pk=other.pk).revoked_at is None


def test_nothing_is_made_or_revoked_by_reading_or_from_elsewhere(rob: Person) -> None:
    client = entered(csrf=True)
    assert (
        client.post("/accounts/tokens/", {"name": "x", "scopes": "tasks:read", "hours": 1}).status_code == 403
    )
    made = tokens.mint(holder=rob, name="t", wanted=["tasks:read"], life=timedelta(hours=1), by="test").token
    assert client.get(f"/accounts/tokens/{made.uid}/revoke/").status_code == 405
    assert client.post(f"/accounts/tokens/{made.uid}/revoke/").status_code == 403
    assert ApiToken.objects.filter(revoked_at__isnull=True).count() == 1


def test_page_of_the_api_tells_every_operation_and_problem_without_foreign_files(database: Database) -> None:
    client = Client(headers=HOST)
    page = client.get("/api/docs").content.decode()
    described = client.get("/api/v1/openapi.json").json()
    for methods in described["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    assert 'id="problem-stale-state"' in page
    assert re.findall(r'(?:src|href)="(?!/|#)', page) == []
    assert client.get("/api/problems/stale-state").headers["Location"] == "/api/docs#problem-stale-state"
    assert client.get("/api/problems/nothing").status_code == 404


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_tokens_of_a_system_are_made_listed_and_revoked_by_command(rob: Person) -> None:
    system = factories.service(owner=rob)
    with pytest.raises(CommandError, match="no open account"):
        command("make", system.name, "ci", "--as", "rob")
    User.objects.create(username=system.name, service=system)
    text = command("make", system.name, "ci", "--as", "rob")
    found = tokens.find(text)
    assert found is not None
    assert (found.service, found.scopes) == (system, ["tasks:submit", "tasks:read", "runs:read"])
    assert text[:12] in command("list", system.name)
    assert "opens nothing" in command("revoke", system.name, str(found.uid), "--as", "rob")
    assert tokens.find(text) is None
    with pytest.raises(CommandError):
        command("make", system.name, "x", "--scope", "proposals:decide", "--as", "rob")
    with pytest.raises(CommandError, match="no system"):
        command("list", "nothing")
