"""Policies, their immutable versions, and what is in force where and since when."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from orchestra.models.deployments import Environment
from orchestra.models.fields import PublicRow, Row
from orchestra.models.people import Person


class Policy(PublicRow):
    """A name under which versions are published."""

    name = models.SlugField(max_length=80, unique=True)

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(PublicRow):
    """A published set of rules with its own tests. Never changed."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    source = models.TextField()
    digest = models.BinaryField(max_length=32)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policyversion_number_is_unique"),
            models.UniqueConstraint(fields=["policy", "digest"], name="policyversion_digest_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.policy.name} v{self.number}"


class PolicyPublication(Row):
    """A version in force in an environment, from a moment until another takes its place."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="publications")
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="publications")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="publications")
    published_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "environment"],
                condition=Q(until__isnull=True),
                name="policypublication_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")),
                name="policypublication_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment.name}"
