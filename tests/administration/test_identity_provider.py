"""Sign-in by an identity provider: a real one, in a process of its own, asked through our own door."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.test import Client

from orchestra.audit import governance
from orchestra.local import ports
from orchestra.models import Person, User
from orchestra.views import identities
from tests import factories
from tests.administration.conftest import HOST, text
from tests.administration.provider import CLIENT, SECRET
from tests.databases import Database
from tests.waiting import until

CLAIMS = {"sub": "f00-1", "email": "rob@example.org", "email_verified": True, "preferred_username": "rob"}
Begin = Callable[..., str]


@pytest.fixture
def provider(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Start the provider, which vouches for one person, and make it known to our settings."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(**claims: Any) -> str:
        port = ports.any_free()
        command = [
            sys.executable,
            "-m",
            "tests.administration.provider",
            str(port),
            json.dumps({**CLAIMS, **claims}),
        ]
        processes.append(subprocess.Popen(command))
        until(lambda: not ports.is_free(port), within=60, what="the provider")
        issuer = f"http://127.0.0.1:{port}"
        app = {
            "provider_id": "sso",
            "name": "Acme",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": {"server_url": issuer},
        }
        monkeypatch.setattr(
            settings,
            "SOCIALACCOUNT_PROVIDERS",
            {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}},
        )
        monkeypatch.setattr(settings, "OIDC_ALLOW", [f"127.0.0.1:{port}"])
        return issuer

    yield begin
    for process in processes:
        process.terminate()
        process.wait(timeout=30)


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Stay."""


def sign_in(client: Client, process: str = "login") -> Any:
    """What a browser does: our button, the provider's page, and back."""
    answer = client.post(f"/accounts/oidc/sso/login/?process={process}")
    assert answer.status_code == 302, text(answer)
    there = answer.headers["Location"]
    assert parse_qs(urlsplit(there).query)["code_challenge_method"] == ["S256"]
    try:
        urllib.request.build_opener(Stay).open(there)
    except urllib.error.HTTPError as redirect:
        back = urlsplit(redirect.headers["Location"])
    return client.get(f"{back.path}?{back.query}", follow=True)


def browser() -> Client:
    return Client(headers=HOST, raise_request_exception=False)


def who(client: Client) -> str:
    """Who is signed in."""
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""


def rob(**columns: Any) -> User:
    person = Person.objects.create(name="rob", email="Rob@example.org")
    return User.objects.create(username="rob", person=person, **columns)


def test_first_sign_in_finds_the_person_by_the_verified_address_and_links_the_subject(
    provider: Begin,
) -> None:
    account = rob()
    provider()
    client = browser()
    sign_in(client)
    assert who(client) == "rob"
    assert SocialAccount.objects.get().uid == "f00-1"
    assert "signs in by sso as f00-1" in governance.told(account)[0].reason
    method = client.session["account_authentication_methods"][-1]
    assert (method["method"], method["uid"]) == ("socialaccount", "f00-1")
    Person.objects.update(email="elsewhere@example.org")
    again = browser()
    sign_in(again)
    assert who(again) == "rob"


@pytest.mark.parametrize("why", ["unverified", "unknown", "two", "superuser", "closed", "gone", "off"])
def test_nobody_is_signed_in_whom_nothing_leads_to(
    provider: Begin, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    account = rob(is_superuser=why == "superuser", is_active=why != "closed")
    if why == "two":
        factories.person("rob-2", email="rob@example.org")
    if why == "gone":
        Person.objects.update(active=False)
    if why == "off":
        monkeypatch.setattr(settings, "OIDC_MATCH_EMAIL", False)
    known: dict[str, dict[str, Any]] = {
        "unverified": {"email_verified": False},
        "unknown": {"email": "eve@example.org"},
    }
    provider(**known.get(why, {}))
    client = browser()
    answer = sign_in(client)
    assert who(client) == ""
    assert "no account here is linked to you" in text(answer)
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1
    assert not governance.told(account)


def test_text_instead_of_a_verdict_on_the_address_counts_as_none(provider: Begin) -> None:
    rob()
    provider(email_verified="false")
    client = browser()
    sign_in(client)
    assert who(client) == ""


def test_a_subject_is_linked_from_a_session_and_signs_in_from_then_on(provider: Begin) -> None:
    root = factories.user(factories.person("root"), is_superuser=True)
    provider(email="somebody@example.org")
    client = browser()
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    sign_in(client, process="connect")
    assert SocialAccount.objects.get().user == root
    again = browser()
    sign_in(again)
    assert who(again) == root.username


def test_person_who_is_not_active_any_more_is_not_signed_in(provider: Begin) -> None:
    account = rob()
    provider()
    sign_in(browser())
    Person.objects.update(active=False)
    client = browser()
    assert "This account is closed" in text(sign_in(client))
    assert who(client) == ""
    assert account.is_active


def test_provider_is_asked_through_our_own_door(provider: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    rob()
    provider()
    monkeypatch.setattr(settings, "OIDC_ALLOW", [])
    answer = browser().post("/accounts/oidc/sso/login/?process=login", follow=True)
    assert "Your organisation did not sign you in" in text(answer)


def test_sign_in_page_has_the_button_and_sends_it_by_post_alone(provider: Begin) -> None:
    provider()
    client = browser()
    assert "Sign in with Acme" in text(client.get("/accounts/login/"))
    assert client.get("/accounts/oidc/sso/login/").status_code == 200


def test_without_a_provider_there_is_no_such_page(database: Database) -> None:
    assert "Sign in with" not in text(browser().get("/accounts/login/")).replace("Sign in with a passkey", "")
    assert browser().post("/accounts/oidc/sso/login/").status_code == 404


def test_an_address_leads_to_one_account_or_to_none(database: Database) -> None:
    account = rob()
    assert identities.match("ROB@example.org") == account
    User.objects.create(username="rob-2", person=account.person)
    assert identities.match("rob@example.org") is None
    assert identities.match("") is None
