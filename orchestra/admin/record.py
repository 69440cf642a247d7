"""The record and what leaves the house: audit events, seals, messages and deliveries. Read, and nothing else."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from orchestra import states
from orchestra.admin.base import Read, seen
from orchestra.models import AuditEvent, AuditSeal, OutboxMessage, Run, WebhookDelivery

#: What has chains besides the state machines.
GOVERNED: Final = (
    "person", "user", "group", "serviceaccount", "apitoken", "environment", "deployment", "workflow", "policy", "tool",
    "toolbinding", "agent", "grant", "budget", "routingrule", "webhook", "draft",
)  # fmt: skip


class KindFilter(admin.SimpleListFilter):
    """By what the event is about; the table is never asked which kinds there are."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """All kinds."""
        return [(kind, kind) for kind in (*states.MACHINES, *GOVERNED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Of one kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(Read):
    """Events of runs that the person may audit, of halts, and of everything that people govern."""

    list_display = ("at", "kind", "subject", "source", "target", "actor", "reason")
    list_filter = (KindFilter, "at")
    search_fields = ("=chain", "=actor", "=subject")
    fields = ("at", "kind", "subject", "source", "target", "actor", "reason", "told", "chain", "seq", "previous_in_hex", "digest_in_hex")  # fmt: skip
    readonly_fields = ("told", "previous_in_hex", "digest_in_hex")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of runs, only those on deployments that they may audit."""
        runs = Run.objects.filter(deployment__in=seen(request, "audit")).values("uid")
        of_runs = set(states.MACHINES) - {"halt"}
        return super().get_queryset(request).filter(~Q(kind__in=of_runs) | Q(chain__in=runs))

    @admin.display(description="data")
    def told(self, row: AuditEvent) -> str:
        """Ids, digests and numbers."""
        return bytes(row.data).decode("utf-8", "replace")

    @admin.display(description="digest before")
    def previous_in_hex(self, row: AuditEvent) -> str:
        """The link before."""
        return bytes(row.previous).hex()

    @admin.display(description="digest")
    def digest_in_hex(self, row: AuditEvent) -> str:
        """This link."""
        return bytes(row.digest).hex()


@admin.register(AuditSeal)
class AuditSealAdmin(Read):
    """Signed roots."""

    list_display = ("at", "origin", "heads", "events", "root_in_hex")
    fields = ("at", "origin", "heads", "events", "root_in_hex")
    readonly_fields = ("root_in_hex",)

    @admin.display(description="root")
    def root_in_hex(self, row: AuditSeal) -> str:
        """The Merkle root."""
        return bytes(row.root).hex()


@admin.register(OutboxMessage)
class OutboxAdmin(Read):
    """What is told to the outside."""

    within = "run__deployment"
    list_display = ("uid", "topic", "due_at", "delivered_at", "given_up_at")
    list_filter = ("topic",)
    search_fields = ("=uid", "=run__uid")
    fields = ("uid", "topic", "due_at", "attempts", "last_error", "delivered_at", "given_up_at", "created_at")


@admin.register(WebhookDelivery)
class DeliveryAdmin(Read):
    """Each telling of each webhook."""

    within = "message__run__deployment"
    list_display = (
        "uid",
        "webhook",
        "topic",
        "attempts",
        "last_status",
        "due_at",
        "delivered_at",
        "given_up_at",
    )
    list_filter = ("webhook",)
    list_select_related = ("webhook", "message")
    search_fields = ("=uid", "=message__uid")
    fields = (
        "uid",
        "webhook",
        "topic",
        "attempts",
        "last_status",
        "last_error",
        "due_at",
        "delivered_at",
        "given_up_at",
    )
    readonly_fields = ("topic",)

    @admin.display(description="topic")
    def topic(self, row: WebhookDelivery) -> str:
        """Of what."""
        return row.message.topic
