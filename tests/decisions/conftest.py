"""A proposal waiting for votes, and the people around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group

from orchestra.models import Deployment, Person, Proposal, User
from orchestra.people import roles
from tests import factories
from tests.databases import Database


@dataclass
class Scene:
    """A pending proposal; `reviewer` and `second_reviewer` may decide, the others may not."""

    proposal: Proposal
    requester: Person
    reviewer: Person
    second_reviewer: Person
    outsider: Person

    @property
    def digest(self) -> bytes:
        """What a page would have shown."""
        return bytes(self.proposal.digest)


def member(name: str, group: str) -> Person:
    """A person with an account in a group."""
    person = factories.person(name)
    account = User.objects.create(username=name, person=person)
    account.groups.add(Group.objects.get(name=group))
    return person


def propose(deployment: Deployment, requester: Person, **columns: Any) -> Proposal:
    """A call that waits for people, on behalf of the requester."""
    run = factories.run(factories.task(deployment, requester=requester))
    call = factories.walk(factories.toolcall(factories.step(run)), "awaiting_approval")
    return factories.proposal(call, **columns)


@pytest.fixture
def scene(database: Database) -> Scene:
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    requester = member("rita", "requesters")
    reviewer, second = member("rob", "reviewers"), member("sue", "reviewers")
    return Scene(propose(deployment, requester), requester, reviewer, second, factories.person("olaf"))
