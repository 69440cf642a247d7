"""People and a deployment for tests of runs, and runs in the states that one meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.test import Client

from orchestra import moves
from orchestra.engine import claim
from orchestra.models import Deployment, Person, Proposal, Run, Step, User
from orchestra.people import roles
from orchestra.runs import listing
from orchestra.tools import toolbox
from orchestra.workflows import stored
from tests import factories
from tests.decisions.conftest import member
from tests.workflows.files import read

HOST = {"host": "localhost"}


@dataclass
class Scene:
    """`operator` may operate and halt, `second` too; `reviewer` decides; `requester` sees; `outsider` sees nothing."""

    deployment: Deployment
    operator: Person
    second: Person
    reviewer: Person
    requester: Person
    outsider: Person
    others: list[Person] = field(default_factory=list)

    def run(self, state: str = "queued", *, task: Mapping[str, Any] | None = None, **columns: Any) -> Run:
        """A run of the deployment, asked for by the requester."""
        asked = {"requester": self.requester, **(task or {})}
        return factories.run(factories.task(self.deployment, **asked), state=state, **columns)

    def waiting(
        self, kind: str = "python", *, on: Mapping[str, Any], run: Run | None = None, **columns: Any
    ) -> Run:
        """A run with a step that waits for what `on` names; `waits_…` of the step."""
        run = run or self.run("waiting")
        step = factories.step(run, columns.pop("path", "serve"), kind=kind, state="running", **columns)
        with transaction.atomic():
            moves.move(step, "waiting", actor="system", reason="a test", **on)
        return run

    def asked(self, **columns: Any) -> tuple[Run, Proposal]:
        """A run that waits for people to decide on a call."""
        run = self.run("waiting")
        step = factories.step(run, "serve", kind="agent", state="running")
        call = factories.walk(factories.toolcall(step), "awaiting_approval")
        proposal = factories.proposal(call, **columns)
        with transaction.atomic():
            moves.move(step, "waiting", actor="system", reason="a test", waits_proposal=proposal)
        return run, proposal


def build() -> Scene:
    """The people, with the usual rights of their groups."""
    claim.spec_of.cache_clear()
    toolbox.forget()
    deployment = factories.deployment(factories.version(spec()))
    roles.give_defaults(deployment)
    outsider = factories.person("olaf")
    User.objects.create(username="olaf", person=outsider)
    return Scene(
        deployment,
        operator=member("ann", "operators"),
        second=member("ben", "operators"),
        reviewer=member("rob", "reviewers"),
        requester=member("rita", "requesters"),
        outsider=outsider,
    )


def spec(
    steps: str = "draft: {kind: python, function: f}\nsend: {kind: python, function: f, needs: draft}",
) -> Any:
    """A workflow as a version stores it."""
    return stored.dump(read(steps))


def again(run: Run, by: Person) -> Run:
    """The run as a page would find it."""
    return listing.find(run.uid, by, "operate", "halt")


def browser(person: Person) -> Client:
    """A browser in which the person has signed in."""
    client = Client(headers=HOST, raise_request_exception=False)
    client.force_login(User.objects.get(person=person), backend="django.contrib.auth.backends.ModelBackend")
    return client


def step_of(run: Run, path: str = "serve") -> Step:
    """One step of a run."""
    return Step.objects.get(run=run, path=path, item=Step.NO_ITEM)
