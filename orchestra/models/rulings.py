"""What the policies said of a tool call: one row when it is proposed, one at the gate. Never changed."""

from __future__ import annotations

from django.db import models

from orchestra.models.fields import PublicRow, one_of
from orchestra.models.toolcalls import ToolCall


class Verdict(models.TextChoices):
    """Deny beats review beats allow."""

    ALLOW = "allow", "May pass"
    REVIEW = "review", "People decide"
    DENY = "deny", "Forbidden"


class Moment(models.TextChoices):
    """When the policies were asked."""

    PROPOSE = "propose", "When it was proposed"
    GATE = "gate", "At the gate"


class Ruling(PublicRow):
    """One judgement: verdict, rules with versions, and the exact context bytes it was made from."""

    toolcall = models.ForeignKey(ToolCall, on_delete=models.PROTECT, related_name="rulings")
    moment = models.CharField(max_length=10, choices=Moment.choices)
    digest = models.BinaryField(max_length=32)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    requirements = models.JSONField(default=dict)
    rules = models.JSONField(default=list, help_text="Rules that matched: id, policy, version, digest.")
    context = models.BinaryField()

    class Meta:
        constraints = [
            one_of("ruling_verdict_is_known", "verdict", Verdict.values),
            one_of("ruling_moment_is_known", "moment", Moment.values),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} at {self.moment}"
