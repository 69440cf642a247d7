"""Fills an empty installation with the example: a person, a workflow, a few tasks."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings

from orchestra.canonical import Json
from orchestra.engine import publish
from orchestra.intake import tasks
from orchestra.management.base import OrchestraCommand
from orchestra.models import Person, Run, User
from orchestra.people import persons
from orchestra.workflows import functions

ENVIRONMENT = "dev"
PEOPLE = (("ann", "Ann Operator", "operators"), ("ben", "Ben Requester", "requesters"))
SMALL: Json = {"lines": [{"item": "tea", "quantity": 2}, {"item": "cup", "quantity": 4}]}
LARGE: Json = {"lines": [{"item": "pot", "quantity": 9}]}


class Command(OrchestraCommand):
    """Adds what is missing of the example; a second time it changes nothing. Prints how to sign in."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed."""
        functions.load(settings.STEP_FUNCTIONS)
        password = _password()
        made = [_person(name, full_name, group, password) for name, full_name, group in PEOPLE]
        source = (settings.BASE_DIR / "examples" / "order.yaml").read_text(encoding="utf-8")
        publish.text(source, by=made[0], environment=ENVIRONMENT)
        if not Run.objects.exists():
            for number, payload in enumerate((SMALL, LARGE, SMALL), start=1):
                _submit(made[1], number, payload)
        self.stdout.write(f"Sign in as ann (administrator); the password is in {_password_file()}")
        self.stdout.write("Look at the runs:      .venv/bin/python manage.py run list")
        self.stdout.write("See who is asked what: .venv/bin/python manage.py question list")


def _submit(by: Person, number: int, payload: Json) -> None:
    request = tasks.Request(
        workflow="order",
        environment=ENVIRONMENT,
        payload=payload,
        source="command",
        subject=f"Order {number}",
        reference=f"demo-{number}",
    )
    tasks.accept(request, by=by, key=f"demo-{number}")


def _person(name: str, full_name: str, group: str, password: str) -> Person:
    found = Person.objects.filter(name=name).first()
    if found is not None:
        return found
    made = persons.add(name=name, full_name=full_name, groups=[group], password=password)
    if group == "operators":
        User.objects.filter(username=name).update(is_staff=True, is_superuser=True)
    return made


def _password_file() -> Path:
    path: Path = settings.LOCAL_DIR / "password"
    return path


def _password() -> str:
    """One random password for this installation, readable by its owner only."""
    path = _password_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(12), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
