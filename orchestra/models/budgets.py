"""Limits with reservations: what is used and what is set aside never exceed the limit, whoever asks at once."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from orchestra.models.agents import Agent
from orchestra.models.deployments import Deployment
from orchestra.models.fields import Row, exactly_one, one_of
from orchestra.models.runs import Run, Step


class Resource(models.TextChoices):
    """What is counted."""

    STEPS = "steps", "Steps"
    TURNS = "turns", "Model calls"
    TOOL_CALLS = "tool_calls", "Tool calls"
    TOKENS = "tokens", "Tokens"
    COST = "cost", "Money"


class Budget(Row):
    """A limit of one run, deployment or agent. Money is in whole minor units of `currency`."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="budgets")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="budgets")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="budgets")
    resource = models.CharField(max_length=12, choices=Resource.choices)
    currency = models.CharField(max_length=3, blank=True)
    limit = models.DecimalField(max_digits=20, decimal_places=0)
    used = models.DecimalField(max_digits=20, decimal_places=0, default=0)
    reserved = models.DecimalField(max_digits=20, decimal_places=0, default=0)
    period_ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one(["run", "deployment", "agent"]), name="budget_belongs_to_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(limit__gte=F("used") + F("reserved")), name="budget_is_never_exceeded"
            ),
            models.CheckConstraint(condition=Q(used__gte=0, reserved__gte=0), name="budget_counts_up"),
            models.CheckConstraint(
                condition=(Q(resource="cost") & ~Q(currency="")) | (~Q(resource="cost") & Q(currency="")),
                name="budget_money_has_a_currency",
            ),
            models.UniqueConstraint(
                fields=["run", "deployment", "agent", "resource", "currency"],
                name="budget_is_unique",
                nulls_distinct=False,
            ),
            one_of("budget_resource_is_known", "resource", Resource.values),
        ]

    def __str__(self) -> str:
        return f"{self.used} + {self.reserved} of {self.limit} {self.resource}"


class Reservation(Row):
    """An amount set aside for one piece of work until it is settled. Unknown cost keeps it."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="reservations")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, null=True, related_name="+")
    purpose = models.CharField(max_length=120)
    amount = models.DecimalField(max_digits=20, decimal_places=0)
    settled = models.DecimalField(max_digits=20, decimal_places=0, null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "purpose"], name="reservation_is_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="reservation_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.purpose}"
