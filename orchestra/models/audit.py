"""The record: one event for each change of state, chained, written only by the database's own function."""

from __future__ import annotations

from django.db import models

GENESIS = bytes(32)


class AuditEvent(models.Model):
    """One link of a chain. `digest` covers every other column and the digest before it."""

    id = models.BigAutoField(primary_key=True)
    chain = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    transaction = models.BigIntegerField(
        help_text="PostgreSQL's transaction number: ties the event to its change."
    )
    kind = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    subject = models.CharField(max_length=120, help_text="The object's name inside its chain.")
    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)
    actor = models.CharField(max_length=120)
    reason = models.TextField()
    data = models.BinaryField(help_text="Canonical JSON: ids, digests and numbers, never payloads.")
    previous = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="auditevent_chain_has_no_fork")]
        indexes = [models.Index(fields=["kind", "object_id"], name="auditevent_of_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.source} to {self.target}"


class AuditHead(models.Model):
    """The last link of a chain: locked last in every transaction."""

    chain = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}"


class AuditSeal(models.Model):
    """A signed Merkle root over all heads at a moment: what an outsider keeps to prove the record later."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    origin = models.CharField(max_length=120, help_text="Name of this log: a seal of another log never fits.")
    heads = models.BigIntegerField()
    events = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    key = models.BinaryField(max_length=32, help_text="Public Ed25519 key.")
    signature = models.BinaryField(max_length=64)

    def __str__(self) -> str:
        return f"seal {self.id} of {self.origin}"
