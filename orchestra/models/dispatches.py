"""Sendings of a tool call: written before the first byte leaves, completed once when the reply is read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orchestra.models.fields import PublicRow, one_of
from orchestra.models.toolcalls import ToolCall
from orchestra.models.workers import WorkerProcess


class Outcome(models.TextChoices):
    """What a sending came to."""

    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "The system said no"
    FAILED_CLEAN = "failed_clean", "Proof that nothing happened"
    UNKNOWN = "unknown", "No readable answer"


class Epoch(PublicRow):
    """The life of this database since it was made or last restored; part of every idempotency key. The newest counts."""

    reason = models.CharField(max_length=200)

    def __str__(self) -> str:
        return str(self.uid)


class Dispatch(PublicRow):
    """One sending. `send_by` is the last moment at which the bytes may still leave."""

    toolcall = models.ForeignKey(ToolCall, on_delete=models.PROTECT, related_name="dispatches")
    n = models.PositiveSmallIntegerField()
    fence = models.BigIntegerField()
    worker = models.ForeignKey(WorkerProcess, on_delete=models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=120, blank=True)
    digest = models.BinaryField(max_length=32)
    send_by = models.DateTimeField()
    settles_at = models.DateTimeField(help_text="Before this nothing may be concluded from silence.")
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    reply = models.BinaryField(null=True)
    finished_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "dispatches"
        constraints = [
            models.UniqueConstraint(fields=["toolcall", "n"], name="dispatch_number_is_unique"),
            models.CheckConstraint(
                condition=Q(outcome="", finished_at__isnull=True)
                | (~Q(outcome="") & Q(finished_at__isnull=False)),
                name="dispatch_outcome_has_a_time",
            ),
            one_of("dispatch_outcome_is_known", "outcome", ["", *Outcome.values]),
        ]

    def __str__(self) -> str:
        return f"dispatch {self.n}"
