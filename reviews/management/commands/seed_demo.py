"""Fills an empty installation with the example: people, the store's definitions, tasks for its agents, a few orders."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from orchestra.canonical import Json
from orchestra.documents.envelopes import envelopes
from orchestra.engine import publish
from orchestra.intake import tasks
from orchestra.management.base import OrchestraCommand, count
from orchestra.models import Person, Task, User
from orchestra.people import persons
from orchestra.workflows import functions
from reviews.replay import dataset
from reviews.replay.documents import Library
from reviews.replay.parts import Part, parts
from reviews.replay.store import Store, StoreProblem

ENVIRONMENT: Final = "dev"
ADMIN, REQUESTER = "eve", "ben"
SMALL: Final[Json] = {"lines": [{"item": "tea", "quantity": 2}, {"item": "cup", "quantity": 4}]}
LARGE: Final[Json] = {"lines": [{"item": "pot", "quantity": 9}]}
MANAGE: Final = ".venv/bin/python manage.py"


class Command(OrchestraCommand):
    """Adds what is missing of the example; a second time it changes nothing. Prints how to sign in and where to look."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the store is, and what its agents play."""
        parser.add_argument("--store", required=True, metavar="HOST:PORT", help="Where the store answers.")
        parser.add_argument("--data", required=True, type=Path, help="Folder of recorded conversations.")
        parser.add_argument("--runs", type=count, default=36, help="So many at most (default: 36).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed."""
        functions.load(settings.STEP_FUNCTIONS)
        password = _password()
        examples = settings.BASE_DIR / "examples"
        cast = yaml.safe_load((examples / "store" / "people.yaml").read_text(encoding="utf-8"))
        people = {name: _person(name, given, password) for name, given in cast.items()}
        order = (examples / "order.yaml").read_text(encoding="utf-8")
        publish.text(order, by=people[ADMIN], environment=ENVIRONMENT)
        for number, payload in enumerate((SMALL, LARGE, SMALL), start=1):
            _submit(people[REQUESTER], "order", f"demo-{number}", payload, subject=f"Order {number}")
        self.serve_customers(Library(examples / "store"), people, options)
        for line in _hints(cast, options["store"]):
            self.stdout.write(line)

    def serve_customers(
        self, library: Library, people: Mapping[str, Person], options: dict[str, Any]
    ) -> None:
        """The store's part: its definitions, and a task for each conversation."""
        data = dataset.find(options["data"])
        if data is None:
            raise CommandError(f"There are no recorded runs in {options['data']}.")
        played = parts(data, library, dataset.spread(data.runs, options["runs"]))
        agents = {part.agent for part in played}
        for text in _definitions(library, options["store"], options["data"], agents):
            publish.text(text, by=people[ADMIN], environment=ENVIRONMENT)
        store = Store(options["store"], os.environ["STORE_TOKEN"], os.environ["STORE_ADMIN_TOKEN"])
        try:
            for part in played:
                _ask(part, store, people[REQUESTER])
        except StoreProblem as error:
            raise CommandError(str(error)) from error


def _definitions(library: Library, address: str, data: Path, agents: Iterable[str]) -> Iterator[str]:
    """What is published, each after what it builds on."""
    yield library.tools()
    yield library.bindings(address)
    yield _only(library.agents(data), agents, settings={"data": str(data), "on_departure": "stop"})
    yield from library.policies()
    yield _only(library.workflows(), agents)


def _only(text: str, names: Iterable[str], **changes: Json) -> str:
    """The documents of these names, with changes of their spec."""
    kept = [envelope for envelope in envelopes(text) if envelope.name in set(names)]
    changed = [
        {**each.document, "spec": {**each.spec, **changes}} for each in kept if isinstance(each.spec, dict)
    ]
    return "\n---\n".join(json.dumps(each, ensure_ascii=False) for each in changed)


def _ask(part: Part, store: Store, by: Person) -> None:
    """A world of its own for a customer, and the task to serve them."""
    store.open_world(part.world, dialect=part.run.dialect, faults=part.faults)
    payload: Json = {"run": part.run.run}
    _submit(by, part.agent, part.run.run, payload, subject=part.run.task, world=part.world)


def _submit(by: Person, workflow: str, reference: str, payload: Json, *, subject: str, **labels: str) -> None:
    """Submit a task, unless it was before."""
    if Task.objects.filter(requester=by, source="command", reference=reference).exists():
        return
    request = tasks.Request(
        workflow=workflow,
        environment=ENVIRONMENT,
        payload=payload,
        source="command",
        subject=subject,
        reference=reference,
        labels=labels,
    )
    tasks.accept(request, by=by)


def _person(name: str, given: Mapping[str, Any], password: str) -> Person:
    found = Person.objects.filter(name=name).first()
    if found is not None:
        return found
    made = persons.add(name=name, full_name=given["full_name"], groups=given["groups"], password=password)
    if given.get("superuser"):
        User.objects.filter(username=name).update(is_staff=True, is_superuser=True)
    return made


def _hints(cast: Mapping[str, Any], store: str) -> Iterator[str]:
    named = [f"{name} ({', '.join(given['groups'])})" for name, given in cast.items()]
    yield f"People: {', '.join(named)}"
    yield f"Each signs in with the password {_password()} (kept in {_password_file()})"
    yield ""
    yield "Decide:       /reviews/    as cleo or dan; questions as ann"
    yield "Ask:          /tasks/new/  as ben"
    yield "Look:         /runs/, /policies/, /overview/, and /admin/ as eve"
    yield f"The store:    http://{store}/ledger  what it did, row by row"
    yield f"By command:   {MANAGE} proposal list --as cleo"


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
