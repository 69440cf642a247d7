"""Questions to people that are no tool call: forms, escalations to settle, unknown outcomes."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from orchestra import states
from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, known_state, one_of, state_field
from orchestra.models.people import Person
from orchestra.models.runs import Run, Step
from orchestra.models.toolcalls import ToolCall


class Question(models.TextChoices):
    """What kind of answer is wanted."""

    FORM = "form", "Fill in a form"
    ESCALATION = "escalation", "Settle what cannot go on"
    UNKNOWN = "unknown", "Did this happen?"


class HumanTask(PublicRow):
    """One question, asked of a group, about a run."""

    kind = models.CharField(max_length=12, choices=Question.choices)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="humantasks")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, null=True, related_name="humantasks")
    toolcall = models.ForeignKey(ToolCall, on_delete=models.PROTECT, null=True, related_name="humantasks")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="humantasks")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    state = state_field(states.HUMANTASK)
    title = models.CharField(max_length=300)
    context = models.JSONField(default=dict)
    form = models.JSONField(default=dict, help_text="JSON Schema of the answer.")
    expires_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_state(states.HUMANTASK),
            one_of("humantask_kind_is_known", "kind", Question.values),
            models.CheckConstraint(
                condition=Q(state="open", finished_at__isnull=True)
                | (~Q(state="open") & Q(finished_at__isnull=False)),
                name="humantask_closed_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answered_by__isnull=False),
                name="humantask_answer_has_a_person",
            ),
        ]
        indexes = [
            models.Index(fields=["group", "created_at"], name="humantask_open", condition=Q(state="open")),
            models.Index(fields=["run"], name="humantask_of_run"),
            models.Index(fields=["expires_at"], name="humantask_expiry", condition=Q(state="open")),
            models.Index(fields=["-finished_at", "-id"], name="humantask_over", condition=~Q(state="open")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def chain(self) -> UUID:
        """The audit chain that tells this row's life."""
        return self.run.uid

    @property
    def subject(self) -> str:
        """This row's name inside its chain."""
        return f"question {self.uid}"
