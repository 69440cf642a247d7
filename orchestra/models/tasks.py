"""What was asked for, and the keys that make asking twice harmless."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from orchestra.models.deployments import Deployment
from orchestra.models.fields import PublicRow, Row, exactly_one
from orchestra.models.people import Person, ServiceAccount


class Task(PublicRow):
    """A request: who asks, for what, about which subject. Its runs try to fulfil it."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="tasks")
    source = models.CharField(max_length=40, help_text="api, form, webhook, schedule, command or run")
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="tasks")
    service = models.ForeignKey(ServiceAccount, on_delete=models.PROTECT, null=True, related_name="tasks")
    payload = models.JSONField()
    payload_digest = models.BinaryField(max_length=32)
    subject = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=200, blank=True, help_text="The requester's own number.")
    labels = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one(["requester", "service"]), name="task_has_one_requester"
            )
        ]
        indexes = [
            models.Index(fields=["reference"], name="task_reference", condition=~Q(reference="")),
            models.Index(fields=["subject"], name="task_subject", condition=~Q(subject="")),
            GinIndex(fields=["labels"], name="task_labels", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return str(self.uid)


class IdempotencyKey(Row):
    """A key that a client sent with a request, the digest of that request, and the first answer."""

    owner = models.CharField(max_length=100, help_text="person:NAME or service:NAME")
    key = models.CharField(max_length=200)
    body_digest = models.BinaryField(max_length=32)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, null=True, related_name="+")
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="idempotencykey_is_unique"),
            models.CheckConstraint(condition=~Q(key=""), name="idempotencykey_is_not_empty"),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotencykey_expiry")]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"
