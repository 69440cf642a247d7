"""Questions to people about one tool call, and their votes. A proposal is frozen; only its state moves."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from orchestra import states
from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, known_state, one_of, state_field
from orchestra.models.people import Person
from orchestra.models.rulings import Ruling
from orchestra.models.toolcalls import ToolCall
from orchestra.models.tools import Tier


class Proposal(PublicRow):
    """What is asked of people: these bytes, this preview, so many votes, until then."""

    toolcall = models.OneToOneField(ToolCall, on_delete=models.PROTECT, related_name="question")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="proposals")
    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, related_name="+")
    state = state_field(states.PROPOSAL)
    digest = models.BinaryField(max_length=32)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices)
    sentence = models.TextField(help_text="From the tool's own template, never from the model.")
    requirements = models.JSONField(default=dict)
    preview = models.JSONField(null=True)
    votes_needed = models.PositiveSmallIntegerField(default=1)
    rejects_needed = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField(null=True)
    effective_at = models.DateTimeField(null=True, help_text="With a grace window: when the decision counts.")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_state(states.PROPOSAL),
            models.CheckConstraint(
                condition=Q(votes_needed__gte=1, rejects_needed__gte=1), name="proposal_needs_votes"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at__isnull=True)
                | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="proposal_decided_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-tier", "created_at", "id"], name="proposal_queue", condition=Q(state="pending")
            ),
            models.Index(fields=["expires_at"], name="proposal_expiry", condition=Q(state="pending")),
            models.Index(fields=["created_at"], name="proposal_opened"),
            models.Index(
                fields=["-decided_at", "-id"], name="proposal_decided", condition=~Q(state="pending")
            ),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def chain(self) -> UUID:
        """The audit chain that tells this row's life."""
        return self.toolcall.run.uid

    @property
    def subject(self) -> str:
        """This row's name inside its chain."""
        return f"proposal {self.uid}"


class Vote(models.TextChoices):
    """What one person says."""

    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"
    CHANGES = "changes", "Ask for changes"


class Approval(PublicRow):
    """One person's vote on one digest. Never changed, but withdrawn once, while all is still open."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="approvals")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="approvals")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    digest = models.BinaryField(max_length=32)
    verdict = models.CharField(max_length=8, choices=Vote.choices)
    category = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    opened_at = models.DateTimeField(null=True)
    authentication = models.JSONField(default=dict)
    withdrawn_at = models.DateTimeField(null=True, help_text="From then on it does not count.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "person"],
                condition=Q(withdrawn_at__isnull=True),
                name="approval_is_one_per_person",
            ),
            one_of("approval_verdict_is_known", "verdict", Vote.values),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.person}"


class Edit(PublicRow):
    """What a reviewer wants done instead. The engine makes the call, judges it, and counts the editor's vote. Never changed."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="edit")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="edits")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    arguments = models.JSONField()
    reason = models.TextField(blank=True)
    opened_at = models.DateTimeField(null=True)
    authentication = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"edit by {self.person}"
