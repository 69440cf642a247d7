"""An administration with people in it, and a row of everything."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from orchestra.models import Deployment, Person, User
from orchestra.people import roles
from tests import factories
from tests.databases import Database

HOST = {"host": "localhost"}


def signed_in(account: User, *, csrf: bool = False) -> Client:
    """A browser in which the account has signed in."""
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff(name: str, *groups: str, **columns: Any) -> User:
    """An account of a new person that may enter the administration."""
    person = Person.objects.create(name=name)
    account = User.objects.create(username=name, person=person, is_staff=True, **columns)
    account.groups.set([factories.group(group) for group in groups])
    return account


class Form(HTMLParser):
    """What a browser would send of the page's form as it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._select, self._text, self._inside = "", "", False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Fields and chosen options."""
        given = dict(attrs)
        self._inside = self._inside or tag == "main"
        if tag == "input" and self._inside:
            unticked = given.get("type") in {"checkbox", "radio"} and "checked" not in given
            if given.get("name") and not unticked and given.get("type") not in {"submit", "search"}:
                usual = "on" if given.get("type") == "checkbox" else ""
                self.found.setdefault(given["name"], []).append(given.get("value", usual))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and "selected" in given:
            self.found.setdefault(self._select, []).append(given.get("value", ""))
        elif tag == "textarea":
            self._text = given.get("name", "")
            self.found[self._text] = [""]

    def handle_endtag(self, tag: str) -> None:
        """Behind a field."""
        self._select = "" if tag == "select" else self._select
        self._text = "" if tag == "textarea" else self._text

    def handle_data(self, data: str) -> None:
        """The text of a field."""
        if self._text:
            self.found[self._text][0] = (self.found[self._text][0] + data).removeprefix("\n")


def data(client: Client, path: str) -> dict[str, Any]:
    """What the form of a page would send as it stands."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    form = Form()
    form.feed(answer.content.decode())
    form.found.pop("csrfmiddlewaretoken", None)
    return dict(form.found)


def send(client: Client, path: str, **changes: Any) -> Any:
    """Send the form of a page with changes; None takes a field out, as a box that is not ticked."""
    given = {**data(client, path), **changes}
    return client.post(path, {name: value for name, value in given.items() if value is not None})


def text(answer: Any) -> str:
    """A page's text."""
    return html.unescape(answer.content.decode())


@pytest.fixture
def root(database: Database) -> User:
    """A superuser."""
    return staff("root", is_superuser=True)


@pytest.fixture
def admin(database: Database) -> User:
    """A member of admins, with the rights that admins get."""
    return staff("ada", "admins")


@pytest.fixture
def auditor(database: Database) -> User:
    """A member of auditors."""
    return staff("fay", "auditors")


@pytest.fixture
def deployment(database: Database) -> Deployment:
    """A deployment with the usual rights."""
    made = factories.deployment()
    roles.give_defaults(made)
    return made
