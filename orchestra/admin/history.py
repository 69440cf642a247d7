"""What happened: tasks, runs, steps, turns, calls, rulings, proposals, votes, questions, halts. Read, and nothing else.

Names, states, times and digests only: payloads are on the pages of people, where rules about secrets hold.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from orchestra.admin.base import Read, seen
from orchestra.models import (
    Approval,
    Dispatch,
    Halt,
    HumanTask,
    Proposal,
    Ruling,
    Run,
    Step,
    Task,
    ToolCall,
    Turn,
)


class Digested(Read):
    """Rows with a digest."""

    @admin.display(description="digest")
    def digest_in_hex(self, row: Any) -> str:
        """Its digest as people compare it."""
        return bytes(row.digest).hex()


@admin.register(Task)
class TaskAdmin(Read):
    """What was asked."""

    within = "deployment"
    list_display = ("uid", "deployment", "source", "requester", "service", "reference", "created_at")
    list_filter = ("source", "created_at")
    list_select_related = ("deployment__workflow", "deployment__environment", "requester", "service")
    search_fields = ("=uid", "=reference", "=subject")
    fields = ("uid", "deployment", "source", "requester", "service", "subject", "reference", "due_at", "request_id", "created_at")  # fmt: skip


@admin.register(Run)
class RunAdmin(Read):
    """Executions."""

    within = "deployment"
    list_display = ("uid", "deployment", "version", "state", "failure_class", "created_at", "finished_at")
    list_filter = ("state", "failure_class", "created_at")
    list_select_related = ("deployment__workflow", "deployment__environment", "version__workflow")
    search_fields = ("=uid", "=task__reference", "=task__subject")
    fields = (
        "uid", "deployment", "version", "state", "failure_class", "priority", "attempts_and_fence", "due_at", "deadline_at",
        "halted_since", "cancel_requested_at", "cancel_requested_by", "started_at", "finished_at", "request_id", "page",
    )  # fmt: skip
    readonly_fields = ("attempts_and_fence", "page")

    @admin.display(description="claims and takeovers")
    def attempts_and_fence(self, row: Run) -> str:
        """How often it was claimed, and taken over."""
        return f"{row.fence} claims, {row.takeovers} takeovers"

    @admin.display(description="page")
    def page(self, row: Run) -> str:
        """Where operators see all of it."""
        return format_html('<a href="/runs/{}/">All about this run</a>', row.uid)


@admin.register(Step)
class StepAdmin(Read):
    """Nodes of runs."""

    within = "run__deployment"
    list_display = (
        "run_uid",
        "path",
        "kind",
        "state",
        "attempt",
        "failure_class",
        "started_at",
        "finished_at",
    )
    list_filter = ("state", "kind", "failure_class")
    list_select_related = ("run",)
    search_fields = ("=run__uid",)
    fields = ("run_uid", "path", "item", "kind", "state", "attempt", "failure_class", "waits_until", "waits_event", "deadline_at", "started_at", "finished_at")  # fmt: skip
    readonly_fields = ("run_uid",)

    @admin.display(description="run")
    def run_uid(self, row: Step) -> str:
        """Its run."""
        return str(row.run.uid)


@admin.register(Turn)
class TurnAdmin(Read):
    """Calls of models: counts and costs."""

    within = "run__deployment"
    list_display = ("uid", "agent_version", "number", "failure_class", "input_tokens", "output_tokens", "cost", "currency", "created_at")  # fmt: skip
    list_filter = ("failure_class", "created_at")
    list_select_related = ("agent_version__agent",)
    search_fields = ("=uid", "=run__uid")
    fields = ("uid", "agent_version", "number", "failure_class", "input_tokens", "output_tokens", "cost", "currency", "started_at", "created_at", "request_id")  # fmt: skip


@admin.register(ToolCall)
class ToolCallAdmin(Digested):
    """Intended uses of tools."""

    within = "run__deployment"
    list_display = (
        "uid",
        "tool_name",
        "effect",
        "tier",
        "state",
        "failure_class",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "effect", "tier", "failure_class")
    search_fields = ("=uid", "=run__uid", "=tool_name")
    fields = ("uid", "tool_name", "tool_version", "effect", "delivery", "tier", "revision", "edited_by", "state", "method", "digest_in_hex", "failure_class", "created_at", "finished_at")  # fmt: skip
    readonly_fields = ("digest_in_hex",)


@admin.register(Ruling)
class RulingAdmin(Digested):
    """What the policies said."""

    within = "toolcall__run__deployment"
    list_display = ("uid", "tool", "moment", "verdict", "created_at")
    list_filter = ("verdict", "moment")
    list_select_related = ("toolcall",)
    search_fields = ("=uid", "=toolcall__uid")
    fields = ("uid", "tool", "moment", "verdict", "rules", "requirements", "digest_in_hex", "created_at")
    readonly_fields = ("tool", "digest_in_hex")

    @admin.display(description="tool")
    def tool(self, row: Ruling) -> str:
        """Of which tool's call."""
        return row.toolcall.tool_name


@admin.register(Proposal)
class ProposalAdmin(Digested):
    """Questions to people about calls."""

    within = "deployment"
    list_display = ("uid", "tool", "deployment", "tier", "state", "votes_needed", "expires_at", "decided_at")
    list_filter = ("state", "tier")
    list_select_related = ("toolcall", "deployment__workflow", "deployment__environment")
    search_fields = ("=uid", "=toolcall__uid")
    fields = ("uid", "tool", "deployment", "tier", "state", "votes_needed", "rejects_needed", "digest_in_hex", "expires_at", "effective_at", "decided_at", "created_at", "page")  # fmt: skip
    readonly_fields = ("tool", "digest_in_hex", "page")

    @admin.display(description="tool")
    def tool(self, row: Proposal) -> str:
        """About which tool's call."""
        return row.toolcall.tool_name

    @admin.display(description="page")
    def page(self, row: Proposal) -> str:
        """Where people decide; nobody does here."""
        return format_html('<a href="/reviews/{}/">The page of this proposal</a>', row.uid)


@admin.register(Approval)
class ApprovalAdmin(Digested):
    """Votes of people."""

    within = "proposal__deployment"
    list_display = ("uid", "proposal_uid", "person", "verdict", "category", "created_at", "withdrawn_at")
    list_filter = ("verdict",)
    list_select_related = ("proposal", "person")
    search_fields = ("=uid", "=proposal__uid", "=person__name")
    fields = ("uid", "proposal_uid", "person", "account", "verdict", "category", "reason", "digest_in_hex", "opened_at", "authentication", "created_at", "withdrawn_at")  # fmt: skip
    readonly_fields = ("proposal_uid", "digest_in_hex")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Where nobody sees the votes of others before their own, only those on what is decided."""
        blind = {"proposal__state": "pending", "proposal__requirements__contains": {"blind": True}}
        return super().get_queryset(request).exclude(**blind)

    @admin.display(description="proposal")
    def proposal_uid(self, row: Approval) -> str:
        """Which one."""
        return str(row.proposal.uid)


@admin.register(HumanTask)
class HumanTaskAdmin(Read):
    """Questions to people."""

    within = "deployment"
    list_display = ("uid", "kind", "deployment", "group", "state", "answered_by", "created_at", "expires_at")
    list_filter = ("state", "kind", "group")
    list_select_related = ("deployment__workflow", "deployment__environment", "group", "answered_by")
    search_fields = ("=uid", "=run__uid")
    fields = (
        "uid",
        "kind",
        "deployment",
        "group",
        "state",
        "answered_by",
        "expires_at",
        "finished_at",
        "created_at",
    )


@admin.register(Dispatch)
class DispatchAdmin(Digested):
    """Sendings."""

    within = "toolcall__run__deployment"
    list_display = ("uid", "tool", "n", "outcome", "status", "created_at", "finished_at")
    list_filter = ("outcome",)
    list_select_related = ("toolcall",)
    search_fields = ("=uid", "=toolcall__uid")
    fields = ("uid", "tool", "n", "fence", "outcome", "status", "digest_in_hex", "send_by", "settles_at", "finished_at", "created_at")  # fmt: skip
    readonly_fields = ("tool", "digest_in_hex")

    @admin.display(description="tool")
    def tool(self, row: Dispatch) -> str:
        """Of which tool's call."""
        return row.toolcall.tool_name


@admin.register(Halt)
class HaltAdmin(Read):
    """Kill switches; they are set and lifted on the page of halts."""

    list_display = (
        "scope",
        "deployment",
        "state",
        "reason",
        "set_by",
        "created_at",
        "lifted_by",
        "lifted_at",
    )
    list_filter = ("state", "scope")
    list_select_related = ("deployment__workflow", "deployment__environment", "set_by", "lifted_by")
    search_fields = ("reason",)
    fields = (
        "uid",
        "scope",
        "deployment",
        "state",
        "reason",
        "set_by",
        "created_at",
        "lifted_by",
        "lifted_at",
        "page",
    )
    readonly_fields = ("page",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of everything, and of deployments and runs that are theirs to see."""
        theirs = seen(request)
        found = Q(scope="global") | Q(deployment__in=theirs) | Q(run__deployment__in=theirs)
        return super().get_queryset(request).filter(found)

    @admin.display(description="page")
    def page(self, row: Halt) -> str:  # noqa: ARG002
        """Where halts are set and lifted."""
        return format_html('<a href="{}">All halts</a>', "/halts/")
