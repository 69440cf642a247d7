"""Tools, their published declarations, and where each points to in an environment."""

from __future__ import annotations

from django.db import models

from orchestra.models.deployments import Environment
from orchestra.models.fields import PublicRow, Row, one_of
from orchestra.models.people import Person


class Effect(models.TextChoices):
    """What using a tool does to the foreign system."""

    READ = "read", "Reads"
    WRITE = "write", "Writes, and can be undone"
    DESTRUCTIVE = "destructive", "Cannot be undone"


class Delivery(models.TextChoices):
    """What can be known after a reply is lost."""

    KEY = "key", "Takes our idempotency key"
    PROBE = "probe", "Can be asked whether it happened"
    TRANSACTIONAL = "transactional", "Happens in our own transaction"
    IDEMPOTENT = "idempotent", "Repeats are harmless"
    OPAQUE = "opaque", "Nothing can be known"


class Tier(models.IntegerChoices):
    """How much is at stake."""

    LOW = 1, "low"
    MEDIUM = 2, "medium"
    HIGH = 3, "high"
    CRITICAL = 4, "critical"


class Tool(PublicRow):
    """A typed operation on a foreign system."""

    name = models.CharField(max_length=120, unique=True)

    def __str__(self) -> str:
        return self.name


class ToolVersion(PublicRow):
    """A published declaration of a tool. Undeclared means destructive and opaque."""

    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effect = models.CharField(max_length=12, choices=Effect.choices, default=Effect.DESTRUCTIVE)
    delivery = models.CharField(max_length=14, choices=Delivery.choices, default=Delivery.OPAQUE)
    declaration = models.JSONField()
    digest = models.BinaryField(max_length=32)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tool", "number"], name="toolversion_number_is_unique"),
            models.UniqueConstraint(fields=["tool", "digest"], name="toolversion_digest_is_unique"),
            one_of("toolversion_effect_is_known", "effect", Effect.values),
            one_of("toolversion_delivery_is_known", "delivery", Delivery.values),
        ]

    def __str__(self) -> str:
        return f"{self.tool.name} v{self.number}"


class ToolBinding(Row):
    """A tool in an environment: address, reference to its secret (never the secret), limits."""

    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="bindings")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="bindings")
    version = models.ForeignKey(ToolVersion, on_delete=models.PROTECT, related_name="+")
    base_url = models.URLField(max_length=500, blank=True)
    secret_reference = models.CharField(max_length=200, blank=True)
    at_once = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls under way at once; empty: no limit."
    )
    settings = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tool", "environment"], name="toolbinding_is_unique")]

    def __str__(self) -> str:
        return f"{self.tool.name} in {self.environment.name}"
