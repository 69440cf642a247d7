"""Signing in: with a password, for accounts that an administrator made; second factors are kept encrypted."""

from __future__ import annotations

from django.test import Client

from orchestra.models import User
from orchestra.people import persons
from orchestra.views.accounts import SecondFactors
from tests.databases import Database

HOST = {"host": "localhost"}
PASSWORD = "a long enough password"


def enter(client: Client, password: str) -> int:
    answer = client.post("/accounts/login/", {"login": "rob", "password": password})
    return answer.status_code


def test_person_signs_in_and_comes_to_the_queue(database: Database) -> None:
    persons.add(name="rob", full_name="Rob", groups=["reviewers"], password=PASSWORD)
    client = Client(headers=HOST)
    answer = client.post("/accounts/login/", {"login": "rob", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/reviews/"
    assert "Nothing waits for you" in answer.content.decode()


def test_wrong_password_and_closed_account_do_not_get_in(database: Database) -> None:
    persons.add(name="rob", full_name="Rob", groups=[], password=PASSWORD)
    assert enter(Client(headers=HOST), "another long password") == 200
    User.objects.update(is_active=False)
    answer = Client(headers=HOST).post(
        "/accounts/login/", {"login": "rob", "password": PASSWORD}, follow=True
    )
    assert answer.redirect_chain == [("/accounts/inactive/", 302)]


def test_nobody_signs_up(database: Database) -> None:
    before = User.objects.count()
    client = Client(headers=HOST)
    wanted = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD, "email": "eve@example.org"}
    for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", wanted)):
        assert "No account here" in answer.content.decode()
    assert User.objects.count() == before


def test_lost_passwords_are_a_matter_of_administrators(database: Database) -> None:
    for path in ("/accounts/password/reset/", "/accounts/email/"):
        answer = Client(headers=HOST).get(path)
        assert (answer.status_code, "An administrator does this" in answer.content.decode()) == (404, True)


def test_secrets_of_second_factors_are_encrypted() -> None:
    factors = SecondFactors()
    stored = factors.encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in stored
    assert factors.decrypt(stored) == "JBSWY3DPEHPK3PXP"
