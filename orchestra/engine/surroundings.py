"""What calls are judged and let pass by, as it is now: task, mode, tools, grants, policies, rights.

Read at most once in a round, inside the worker's transaction; nothing is kept for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast

from orchestra.canonical import Json
from orchestra.engine import halt
from orchestra.engine.flight import Flight
from orchestra.errors import Bug
from orchestra.models import (
    Agent,
    AgentVersion,
    Budget,
    Deployment,
    Epoch,
    Person,
    Task,
    User,
    WorkflowVersion,
)
from orchestra.people import roles
from orchestra.people.roles import Holder
from orchestra.policies import versions
from orchestra.policies.document import Document
from orchestra.tools import toolbox
from orchestra.tools.toolbox import Toolbox

Found = TypeVar("Found")


class Shared:
    """What one round has read already, by what it is of: many runs of one deployment ask for the same."""

    def __init__(self) -> None:
        self._read: dict[Hashable, object] = {}

    def once(self, key: Hashable, read: Callable[[], Found]) -> Found:
        """What was read for this key, read now if nobody has asked yet."""
        if key not in self._read:
            self._read[key] = read()
        return cast("Found", self._read[key])


class Surroundings:
    """Everything around the calls of one run, each thing read when it is asked for first."""

    def __init__(self, flight: Flight, shared: Shared) -> None:
        self.flight = flight
        self.shared = shared
        self.deployment: Deployment = flight.run.deployment

    @property
    def place(self) -> int:
        """The id of the environment."""
        return self.deployment.environment_id

    @cached_property
    def task(self) -> Task:
        """What was asked for, and by whom."""
        rows = Task.objects.select_related("requester", "service__owner", "deployment")
        return rows.get(pk=self.flight.run.task_id)

    @cached_property
    def mode(self) -> str:
        """Who decides on writes here."""
        rows = Deployment.objects.filter(pk=self.deployment.pk).values_list("mode", flat=True)
        return self.shared.once(("mode", self.deployment.pk), rows.get)

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self.deployment.environment.name

    @cached_property
    def toolbox(self) -> Toolbox:
        """The tools that are bound here."""
        return self.shared.once(("toolbox", self.place), lambda: toolbox.load(self.place))

    @cached_property
    def documents(self) -> Sequence[Document]:
        """The policies in force."""
        return self.shared.once(("policies", self.place), lambda: versions.in_force(self.environment))

    @cached_property
    def epoch(self) -> str:
        """The life of this database that idempotency keys belong to."""
        return self.shared.once("epoch", _epoch)

    @cached_property
    def version_number(self) -> int:
        """The number of the workflow's version."""
        rows = WorkflowVersion.objects.filter(pk=self.flight.run.version_id).values_list("number", flat=True)
        return self.shared.once(("version", self.flight.run.version_id), rows.get)

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels of the task."""
        return dict(self.task.labels)

    @cached_property
    def has_budgets(self) -> bool:
        """Whether there is any budget. All are locked, in one order, so that two workers never wait for each other."""
        return self.shared.once("budgets", _lock_budgets)

    @cached_property
    def requester(self) -> dict[str, Json]:
        """Who asked, as rules see it."""
        person, service = self.task.requester, self.task.service
        if person is None:
            return {"kind": "service", "name": service.name if service is not None else "", "groups": []}
        groups = self.shared.once(("groups", person.pk), lambda: _groups(person))
        return {"kind": "person", "name": person.name, "groups": list(groups)}

    @cached_property
    def denied_to_requester(self) -> str:
        """Why calls for this requester must not pass now; empty while they may submit here."""
        person, service = self.task.requester, self.task.service
        if service is not None and not service.active:
            return f"{service.name}, which asked for this, is not active any more."
        asks = person or service
        if asks is None or not self._may_submit(asks):
            return "Whoever asked for this has no right to submit here any more."
        return ""

    def _may_submit(self, asks: Holder) -> bool:
        """A system by its own right, as at the border where it came in, and not by its owner's."""
        where = self.task.deployment
        key = ("submit", roles.name_of(asks), where.pk)
        return self.shared.once(key, lambda: roles.may(asks, "submit", where))

    @cached_property
    def is_open(self) -> bool:
        """Whether the gate is open. The halt latch is held from here on, so none can be set before the commit."""
        self.shared.once("latch", halt.share_latch)
        self.flight.halted = self.flight.halted or halt.covers(self.flight.run.pk)
        return not self.flight.halted

    def is_active(self, agent: Agent) -> bool:
        """Whether the agent may do anything at all."""
        return self.shared.once(("active", agent.pk), Agent.objects.filter(pk=agent.pk, active=True).exists)

    def granted(self, agent: Agent) -> frozenset[str]:
        """The tools that an agent may use here now; none for one that is not active."""
        if not self.is_active(agent):
            return frozenset()
        return self.shared.once(
            ("granted", agent.pk, self.place), lambda: toolbox.granted(agent.pk, self.place)
        )


def newest(agent: str) -> AgentVersion | None:
    """The newest version of the agent of that name."""
    rows = AgentVersion.objects.select_related("agent").filter(agent__name=agent)
    return rows.order_by("-number").first()


def _lock_budgets() -> bool:
    return bool(list(Budget.objects.select_for_update().order_by("pk").values_list("pk", flat=True)))


def _epoch() -> str:
    found = Epoch.objects.order_by("-pk").values_list("uid", flat=True).first()
    if found is None:
        raise Bug("There is no epoch: run manage.py migrate.")
    return found.hex


def _groups(person: Person) -> list[Json]:
    rows = User.objects.filter(person=person, is_active=True, groups__isnull=False)
    return list(rows.order_by("groups__name").values_list("groups__name", flat=True).distinct())
