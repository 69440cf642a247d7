"""Who is told over HTTP, and how each telling went. Secrets are references, never values."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, Row, exactly_one
from orchestra.models.outbox import OutboxMessage
from orchestra.models.people import Person, ServiceAccount


class Webhook(PublicRow):
    """An address that is told of the tasks of one system, or of everything in one deployment."""

    name = models.SlugField(max_length=80, unique=True)
    url = models.URLField(max_length=500)
    secret_reference = models.CharField(
        max_length=200, help_text="Where the signing secret (whsec_…) is found: env:NAME or file:PATH."
    )
    topics = models.JSONField(default=list, blank=True, help_text="What it is told; empty: everything.")
    service = models.ForeignKey(
        ServiceAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks"
    )
    deployment = models.ForeignKey(
        Deployment, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks"
    )
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one(["service", "deployment"]), name="webhook_belongs_to_one_thing"
            )
        ]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(PublicRow):
    """One message on its way to one address, tried until it arrives or is given up."""

    message = models.ForeignKey(OutboxMessage, on_delete=models.PROTECT, related_name="deliveries")
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["message", "webhook"], name="webhookdelivery_is_unique"),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(given_up_at__isnull=True),
                name="webhookdelivery_has_one_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="webhookdelivery_due",
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(
                fields=["webhook", "due_at"],
                name="webhookdelivery_due_of_each",
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(
                fields=["-id"], name="webhookdelivery_given_up", condition=Q(given_up_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message} to {self.webhook}"


class Notice(Row):
    """What a person is told on their pages, until they have read it."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="notices")
    message = models.ForeignKey(OutboxMessage, on_delete=models.PROTECT, related_name="notices")
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "message"], name="notice_is_unique")]
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_unread", condition=Q(read_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.message} for {self.person}"
