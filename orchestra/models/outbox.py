"""What is to be told to the outside: written in the transaction that caused it, delivered afterwards."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orchestra.models.fields import PublicRow
from orchestra.models.runs import Run
from orchestra.models.tasks import Task


class OutboxMessage(PublicRow):
    """One message. Its uid is the stable id that a receiver can use to drop repeats."""

    topic = models.CharField(max_length=80)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, null=True, related_name="messages")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="messages")
    payload = models.JSONField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(given_up_at__isnull=True),
                name="outbox_has_one_end",
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="outbox_due",
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.uid}"
