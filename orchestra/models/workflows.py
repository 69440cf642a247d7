"""Workflows and their published versions; drafts of every kind are mutable rows of their own."""

from __future__ import annotations

from django.db import models

from orchestra.models.fields import PublicRow, Row
from orchestra.models.people import Person


class Workflow(PublicRow):
    """A name under which versions are published."""

    name = models.SlugField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(PublicRow):
    """A published workflow: never changed, known by the digest of its canonical form."""

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    source = models.TextField()
    digest = models.BinaryField(max_length=32)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="workflowversion_number_is_unique"),
            models.UniqueConstraint(fields=["workflow", "digest"], name="workflowversion_digest_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow.name} v{self.number}"


class Draft(Row):
    """Text of a definition that is being worked on, of any published kind."""

    kind = models.CharField(max_length=20)
    name = models.SlugField(max_length=80)
    source = models.TextField(blank=True)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="draft_is_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
