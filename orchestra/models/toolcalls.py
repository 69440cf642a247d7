"""Intended uses of tools: the exact request bytes, their digest, and the one authorisation that lets them pass."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from orchestra import states
from orchestra.models.fields import PublicRow, known_state, one_of, state_field
from orchestra.models.people import Person
from orchestra.models.runs import FAILURES, Run, Step
from orchestra.models.tools import Delivery, Effect, Tier, ToolBinding, ToolVersion
from orchestra.models.turns import Turn


class ToolCall(PublicRow):
    """One intended use of a tool. What was proposed never changes; an edit is a new call."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="toolcalls")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="toolcalls")
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="toolcalls")
    ordinal = models.PositiveIntegerField(help_text="Place among the calls of its turn or step.")
    revision = models.PositiveIntegerField(default=0)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="revisions")
    edited_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    tool_name = models.CharField(max_length=120, help_text="As the agent wrote it.")
    tool_version = models.ForeignKey(ToolVersion, on_delete=models.PROTECT, null=True, related_name="+")
    binding = models.ForeignKey(ToolBinding, on_delete=models.PROTECT, null=True, related_name="+")
    effect = models.CharField(max_length=12, choices=Effect.choices, default=Effect.DESTRUCTIVE)
    delivery = models.CharField(max_length=14, choices=Delivery.choices, default=Delivery.OPAQUE)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.CRITICAL)
    state = state_field(states.TOOLCALL)
    raw = models.BinaryField(null=True, help_text="Text as it came, when it could not be made canonical.")
    arguments = models.JSONField(null=True)
    target = models.CharField(
        max_length=300, blank=True, help_text="Scheme, host and port that the bytes go to."
    )
    credential = models.CharField(
        max_length=500,
        blank=True,
        help_text="The header that is added when sending, with the secret's reference.",
    )
    method = models.CharField(max_length=10, blank=True)
    path = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)
    digest = models.BinaryField(max_length=32, null=True)
    agent_reason = models.TextField(
        blank=True, help_text="The agent's own words: unverified, outside the digest."
    )
    witness = models.JSONField(null=True)
    ruling = models.ForeignKey("Ruling", on_delete=models.PROTECT, null=True, related_name="authorised")
    proposal = models.ForeignKey("Proposal", on_delete=models.PROTECT, null=True, related_name="authorised")
    key = models.CharField(max_length=120, blank=True, help_text="Idempotency key: one for each call.")
    result = models.JSONField(null=True)
    failure_class = models.CharField(max_length=20, blank=True)
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_state(states.TOOLCALL),
            models.UniqueConstraint(
                fields=["run", "step", "turn", "ordinal", "revision"],
                name="toolcall_is_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(state="refused") | Q(digest__isnull=False, body__isnull=False),
                name="toolcall_has_bytes_and_digest",
            ),
            models.CheckConstraint(
                condition=Q(ruling__isnull=True) | Q(proposal__isnull=True),
                name="toolcall_has_one_authorisation",
            ),
            models.CheckConstraint(
                condition=~Q(
                    state__in=["approved", "dispatched", "succeeded", "failed", "unknown", "reconciling"]
                )
                | Q(ruling__isnull=False)
                | Q(proposal__isnull=False),
                name="toolcall_passes_only_with_authorisation",
            ),
            models.CheckConstraint(
                condition=Q(failure_class="") | Q(failure_class__in=FAILURES),
                name="toolcall_failure_is_known",
            ),
            one_of("toolcall_effect_is_known", "effect", Effect.values),
            one_of("toolcall_delivery_is_known", "delivery", Delivery.values),
            one_of("toolcall_tier_is_known", "tier", [str(tier) for tier in Tier.values]),
        ]
        indexes = [
            models.Index(fields=["step", "ordinal"], name="toolcall_of_step"),
            models.Index(
                fields=["state", "id"],
                name="toolcall_in_doubt",
                condition=Q(state__in=["dispatched", "unknown", "reconciling"]),
            ),
            models.Index(fields=["finished_at"], name="toolcall_failed", condition=~Q(failure_class="")),
        ]

    def __str__(self) -> str:
        return f"{self.tool_name} {self.uid}"

    @property
    def chain(self) -> UUID:
        """The audit chain that tells this row's life."""
        return self.run.uid

    @property
    def subject(self) -> str:
        """This row's name inside its chain."""
        return f"call {self.uid}"
