"""API tokens: a visible prefix and a digest, never the token."""

from __future__ import annotations

from django.db import models

from orchestra.models.fields import PublicRow, exactly_one
from orchestra.models.people import Person, ServiceAccount


class ApiToken(PublicRow):
    """A key of a person or a service account, with scopes and an end."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="tokens")
    service = models.ForeignKey(ServiceAccount, on_delete=models.PROTECT, null=True, related_name="tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "API tokens"
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=exactly_one(["person", "service"]), name="apitoken_has_one_owner"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
