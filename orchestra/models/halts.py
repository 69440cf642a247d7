"""Kill switches that are on, or were."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from orchestra import states
from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, known_state, one_of, state_field
from orchestra.models.people import Person
from orchestra.models.runs import Run


class Scope(models.TextChoices):
    """What a halt stops."""

    GLOBAL = "global", "Everything"
    DEPLOYMENT = "deployment", "One deployment"
    RUN = "run", "One run"


class Halt(PublicRow):
    """While it is on, nothing in its scope is claimed, begun or sent."""

    scope = models.CharField(max_length=12, choices=Scope.choices)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="halts")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="halts")
    state = state_field(states.HALT)
    reason = models.TextField()
    set_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    lifted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_state(states.HALT),
            models.CheckConstraint(
                condition=Q(scope="global", deployment__isnull=True, run__isnull=True)
                | Q(scope="deployment", deployment__isnull=False, run__isnull=True)
                | Q(scope="run", deployment__isnull=True, run__isnull=False),
                name="halt_names_its_scope",
            ),
            models.CheckConstraint(
                condition=Q(state="on", lifted_at__isnull=True)
                | Q(state="lifted", lifted_at__isnull=False, lifted_by__isnull=False),
                name="halt_lifted_says_by_whom",
            ),
            models.UniqueConstraint(
                fields=["scope", "deployment", "run"],
                condition=Q(state="on"),
                name="halt_is_on_once",
                nulls_distinct=False,
            ),
            one_of("halt_scope_is_known", "scope", Scope.values),
        ]

    def __str__(self) -> str:
        return f"{self.scope} halt: {self.reason}"

    @property
    def chain(self) -> UUID:
        """The audit chain that tells this row's life."""
        return self.uid

    @property
    def subject(self) -> str:
        """This row's name inside its chain."""
        return f"{self.scope} halt"
