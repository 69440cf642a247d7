"""How requests find their way in: rules that choose a workflow, and how many come at once."""

from __future__ import annotations

from django.db import models

from orchestra.models.deployments import Deployment
from orchestra.models.fields import Row


class RoutingRule(Row):
    """The first active rule whose condition holds chooses the deployment of a request that names none."""

    name = models.SlugField(max_length=80, unique=True)
    position = models.PositiveIntegerField(help_text="Lower numbers are asked first.")
    condition = models.TextField(
        help_text="CEL over source, environment, subject, reference, labels and payload; true chooses."
    )
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="routing_rules")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.name} to {self.deployment}"


class RateWindow(Row):
    """How many requests somebody has made since a moment."""

    owner = models.CharField(max_length=120, unique=True, help_text="person:NAME, service:NAME or address:IP")
    since = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.used} by {self.owner}"
