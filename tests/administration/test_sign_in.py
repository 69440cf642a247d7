"""Signing in: second factors hold everywhere, systems and people who are gone stay outside, sessions end."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.test import Client

from orchestra.audit import governance
from orchestra.models import Person, User
from orchestra.people import persons
from tests import factories
from tests.administration.conftest import HOST, send, signed_in, text
from tests.databases import Database

PASSWORD = "correct horse battery staple"
PAGES = ["/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/", "/accounts/2fa/webauthn/add/", "/accounts/sessions/", "/accounts/password/change/", "/accounts/3rdparty/", "/accounts/logout/", "/accounts/reauthenticate/"]  # fmt: skip


@pytest.fixture
def ada(database: Database) -> User:
    person = persons.add(name="ada", full_name="Ada", groups=["admins"], password=PASSWORD)
    account = person.accounts.get()
    account.is_staff = account.is_superuser = True
    account.save()
    return account


def enter(name: str = "ada") -> tuple[Client, str]:
    """Send name and password; the browser, and where it was led."""
    client = Client(headers=HOST, raise_request_exception=False)
    answer = client.post("/accounts/login/?next=/admin/", {"login": name, "password": PASSWORD})
    return client, str(answer.headers.get("Location", ""))


def test_password_alone_does_not_open_the_administration_to_who_has_a_second_factor(ada: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ada, secret)
    client, led = enter()
    assert led.startswith("/accounts/2fa/authenticate/")
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    assert client.post(led, {"code": code}).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    methods = [each["method"] for each in client.session["account_authentication_methods"]]
    assert methods == ["password", "mfa"]


def test_secrets_of_second_factors_are_not_readable_in_the_database(ada: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ada, secret)
    assert secret not in str(Authenticator.objects.get(type="totp").data)
    assert RecoveryCodes.activate(ada).get_unused_codes()


def test_admin_takes_a_lost_factor_away_with_a_trace(ada: User) -> None:
    rob = persons.add(name="rob", full_name="", groups=[], password=PASSWORD).accounts.get()
    TOTP.activate(rob, generate_totp_secret())
    factor = Authenticator.objects.get(user=rob)
    path = f"/admin/mfa/authenticator/{factor.pk}"
    assert signed_in(ada).post(f"{path}/change/", {"type": "x"}).status_code == 403
    assert signed_in(ada).post(f"{path}/delete/", {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()
    assert governance.told(rob)[0].reason == "second factor taken away: totp"


def test_admin_ends_a_session_at_once(ada: User) -> None:
    persons.add(name="rob", full_name="", groups=["reviewers"], password=PASSWORD)
    client, _ = enter("rob")
    assert client.get("/reviews/").status_code == 200
    row = UserSession.objects.get(user__username="rob")
    signed_in(ada).post(f"/admin/usersessions/usersession/{row.pk}/delete/", {"post": "yes"})
    assert client.get("/reviews/").status_code == 302


@pytest.mark.parametrize("who", ["service", "gone"])
def test_systems_and_people_who_are_gone_do_not_sign_in(ada: User, who: str) -> None:
    if who == "service":
        robot = User(username="robot", service=factories.service())
        robot.set_password(PASSWORD)
        robot.save()
    else:
        persons.add(name="robot", full_name="", groups=[], password=PASSWORD)
        Person.objects.filter(name="robot").update(active=False)
    client, led = enter("robot")
    assert led == "/accounts/inactive/"
    assert "_auth_user_id" not in client.session
    assert "This account is closed" in text(client.get(led))


def test_session_that_nobody_used_is_over(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = enter()
    assert client.get("/admin/").status_code == 200
    later = time.time() + 90
    monkeypatch.setattr("orchestra.views.sessions.time.time", lambda: later)
    assert client.get("/admin/").status_code == 200
    assert client.session["seen"] == int(later)
    monkeypatch.setattr("orchestra.views.sessions.time.time", lambda: later + settings.SESSION_IDLE + 1)
    assert client.get("/admin/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_password_that_an_admin_sets_ends_the_sessions_of_that_account(ada: User) -> None:
    rob = persons.add(name="rob", full_name="", groups=["reviewers"], password=PASSWORD).accounts.get()
    client, _ = enter("rob")
    send(signed_in(ada), f"/admin/orchestra/user/{rob.pk}/change/", new_password=f"{PASSWORD} 2")
    assert client.get("/reviews/").status_code == 302


def test_guessing_passwords_is_slowed_down(ada: User) -> None:
    client = Client(headers=HOST, raise_request_exception=False)
    answers = [client.post("/accounts/login/", {"login": "ada", "password": f"guess {n}"}) for n in range(12)]
    assert "Too many failed login attempts" in text(answers[-1])
    assert "Too many failed" in text(client.post("/accounts/login/", {"login": "ada", "password": PASSWORD}))


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_an_account_are_in_our_frame_without_inline_code(ada: User, path: str) -> None:
    client, _ = enter()
    answer = client.get(path, follow=True)
    assert answer.status_code == 200
    page = text(answer)
    assert 'class="bar"' in page
    assert [found for found in (" style=", "<script>", "onclick=") if found in page] == []


def test_cookies_belong_to_this_host_alone_where_they_are_secure() -> None:
    command = "import os; os.environ['DJANGO_SETTINGS_MODULE']='orchestra.settings'; from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE)"
    given = {**os.environ, "SECURE_COOKIES": "on"}
    done = subprocess.run(
        [sys.executable, "-c", command], env=given, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "True"]


@pytest.mark.parametrize(
    "issuer", ["http://sso.example.org", "sso.example.org", "https://sso.example.org?x=1"]
)
def test_an_issuer_without_https_stops_the_start(issuer: str) -> None:
    command = "import os; os.environ['DJANGO_SETTINGS_MODULE']='orchestra.settings'; from django.conf import settings as s; s.DEBUG"
    given = {**os.environ, "OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "y"}
    done = subprocess.run(
        [sys.executable, "-c", command], env=given, capture_output=True, text=True, check=False
    )
    assert "OIDC_ISSUER wants https://host" in done.stderr
