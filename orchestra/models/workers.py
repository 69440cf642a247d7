"""Worker processes: who holds runs, since when, and what they have counted."""

from __future__ import annotations

from django.db import models

from orchestra.models.fields import PublicRow


class WorkerProcess(PublicRow):
    """One worker process. It is alive while it holds the advisory lock of its id in its direct session."""

    name = models.CharField(max_length=80)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    slots = models.PositiveIntegerField()
    seen_at = models.DateTimeField(help_text="Last beat, by the database's clock.")
    stopped_at = models.DateTimeField(null=True)
    claims_by_hint = models.BigIntegerField(default=0)
    claims_by_poll = models.BigIntegerField(default=0)
    fences_lost = models.BigIntegerField(default=0)
    hints_lost = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["seen_at"], name="worker_alive", condition=models.Q(stopped_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid} on {self.host})"
