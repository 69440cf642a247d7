"""Agents, their published versions, and what each may touch where."""

from __future__ import annotations

from django.db import models

from orchestra.models.deployments import Environment
from orchestra.models.fields import PublicRow, Row
from orchestra.models.people import Person
from orchestra.models.tools import Tool


class Agent(PublicRow):
    """A non-human identity. It proposes; it can never decide."""

    name = models.SlugField(max_length=80, unique=True)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="agents")
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class AgentVersion(PublicRow):
    """A published agent: model, prompt and settings. Never changed."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    model = models.CharField(max_length=200)
    prompt = models.TextField(blank=True)
    settings = models.JSONField(default=dict)
    digest = models.BinaryField(max_length=32)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="agentversion_number_is_unique"),
            models.UniqueConstraint(fields=["agent", "digest"], name="agentversion_digest_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.agent.name} v{self.number}"


class Grant(Row):
    """An agent may use a tool in an environment. Absent means no."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="grants")
    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="grants")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    granted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "tool", "environment"], name="grant_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.agent.name} may use {self.tool.name} in {self.environment.name}"
