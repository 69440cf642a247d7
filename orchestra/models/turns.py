"""Model calls of agent steps: append-only. The conversation is the turns plus the settled results of their calls."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orchestra.models.agents import AgentVersion
from orchestra.models.fields import PublicRow
from orchestra.models.runs import FAILURES, Run, Step


class Turn(PublicRow):
    """One model call: what came in since the last turn, and the message that came out."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="turns")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="turns")
    number = models.PositiveIntegerField()
    agent_version = models.ForeignKey(AgentVersion, on_delete=models.PROTECT, related_name="+")
    received = models.JSONField(default=list)
    message = models.JSONField(null=True)
    ended = models.CharField(
        max_length=12, blank=True, help_text="How the agent's part is over: done, handed_off, …"
    )
    notes = models.JSONField(
        default=list, help_text="Remarks of the adapter, such as departures from a recording."
    )
    failure_class = models.CharField(max_length=20, blank=True)
    error = models.TextField(blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    currency = models.CharField(max_length=3, blank=True)
    started_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "number"], name="turn_number_is_unique"),
            models.CheckConstraint(
                condition=Q(failure_class="") | Q(failure_class__in=FAILURES), name="turn_failure_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.number}"
