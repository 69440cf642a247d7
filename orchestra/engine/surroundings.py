"""What a run's calls are judged and let pass by, as it is now: task, mode, tools, grants, policies, rights.

Read once for each look at a run, inside the worker's transaction; nothing is kept for the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from orchestra.canonical import Json
from orchestra.engine import halt
from orchestra.engine.flight import Flight
from orchestra.errors import Bug
from orchestra.models import Agent, AgentVersion, Deployment, Epoch, Person, Task, User, WorkflowVersion
from orchestra.people import roles
from orchestra.policies import versions
from orchestra.policies.document import Document
from orchestra.tools import toolbox
from orchestra.tools.toolbox import Toolbox


class Surroundings:
    """Everything around the calls of one run, each thing read when it is asked for first."""

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self.deployment: Deployment = flight.run.deployment
        self._granted: dict[int, frozenset[str]] = {}

    @cached_property
    def task(self) -> Task:
        """What was asked for, and by whom."""
        return Task.objects.select_related("requester", "service__owner", "deployment").get(
            pk=self.flight.run.task_id
        )

    @cached_property
    def mode(self) -> str:
        """Who decides on writes here."""
        return Deployment.objects.values_list("mode", flat=True).get(pk=self.deployment.pk)

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self.deployment.environment.name

    @cached_property
    def toolbox(self) -> Toolbox:
        """The tools that are bound here."""
        return toolbox.load(self.deployment.environment_id)

    @cached_property
    def documents(self) -> Sequence[Document]:
        """The policies in force."""
        return versions.in_force(self.environment)

    @cached_property
    def epoch(self) -> str:
        """The life of this database that idempotency keys belong to."""
        found = Epoch.objects.order_by("-pk").values_list("uid", flat=True).first()
        if found is None:
            raise Bug("There is no epoch: run manage.py migrate.")
        return found.hex

    @cached_property
    def version_number(self) -> int:
        """The number of the workflow's version."""
        return WorkflowVersion.objects.values_list("number", flat=True).get(pk=self.flight.run.version_id)

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels of the task."""
        return dict(self.task.labels)

    @cached_property
    def requester(self) -> dict[str, Json]:
        """Who asked, as rules see it."""
        person, service = self.task.requester, self.task.service
        if person is None:
            return {"kind": "service", "name": service.name if service is not None else "", "groups": []}
        return {"kind": "person", "name": person.name, "groups": _groups(person)}

    @cached_property
    def denied_to_requester(self) -> str:
        """Why calls for this requester must not pass now; empty while they may submit here."""
        person, service = self.task.requester, self.task.service
        if service is not None and not service.active:
            return f"{service.name}, which asked for this, is not active any more."
        asks = person or (service.owner if service is not None else None)
        if asks is None or not roles.may(asks, "submit", self.task.deployment):
            return "Whoever asked for this has no right to submit here any more."
        return ""

    @cached_property
    def is_open(self) -> bool:
        """Whether the gate is open. The halt latch is held from here on, so none can be set before the commit."""
        halt.share_latch()
        self.flight.halted = self.flight.halted or halt.covers(self.flight.run.pk)
        return not self.flight.halted

    def granted(self, agent: Agent) -> frozenset[str]:
        """The tools that an agent may use here now; none for one that is not active."""
        if agent.pk not in self._granted:
            active = Agent.objects.filter(pk=agent.pk, active=True).exists()
            here = self.deployment.environment_id
            self._granted[agent.pk] = toolbox.granted(agent.pk, here) if active else frozenset()
        return self._granted[agent.pk]


def newest(agent: str) -> AgentVersion | None:
    """The newest version of the agent of that name."""
    rows = AgentVersion.objects.select_related("agent").filter(agent__name=agent)
    return rows.order_by("-number").first()


def _groups(person: Person) -> list[Json]:
    rows = User.objects.filter(person=person, is_active=True, groups__isnull=False)
    return list(rows.order_by("groups__name").values_list("groups__name", flat=True).distinct())
