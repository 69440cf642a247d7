"""Published definitions, to read: each with its versions and their text, and the way to a draft of the next one.

Refuses to change a version. An agent's owner and whether it is active are no part of a version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from orchestra.admin.base import Governed, GovernedForm, Read, account, can, offer
from orchestra.engine import sources
from orchestra.errors import NotFound
from orchestra.models import (
    Agent,
    AgentVersion,
    Draft,
    Person,
    Policy,
    PolicyVersion,
    Tool,
    ToolVersion,
    Workflow,
    WorkflowVersion,
)

MOST = 100


class Definition(Read):
    """A name under which versions are published."""

    kind = ""
    search_fields = ("name",)
    ordering = ("name",)
    list_display: Any = ("name", "newest")
    fields: ClassVar[Any] = ("name", "in_force", "versions")
    readonly_fields: ClassVar[Any] = ("in_force", "versions", "newest")
    change_form_template = "admin/definition.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their versions."""
        return super().get_queryset(request).prefetch_related("versions")

    @admin.display(description="newest version")
    def newest(self, row: Any) -> str:
        """Its number."""
        numbers = [version.number for version in row.versions.all()]
        return f"v{max(numbers)}" if numbers else ""

    @admin.display(description="in force")
    def in_force(self, row: Any) -> str:
        """Where which version holds."""
        return ", ".join(f"v{number} in {place}" for place, number in sorted(self.places(row))) or "nowhere"

    def places(self, row: Any) -> Iterable[tuple[str, int]]:
        """Environments, and the number of the version that holds there."""
        raise NotImplementedError

    @admin.display(description="versions")
    def versions(self, row: Any) -> str:
        """Links to the texts, the newest first."""
        found = row.versions.select_related("author").order_by("-number")[:MOST]
        lines = [
            (
                reverse(f"admin:orchestra_{self.kind}_version", args=[row.pk, version.number]),
                version.number,
                f"{version.created_at:%Y-%m-%d %H:%M}",
                version.author,
                bytes(version.digest).hex()[:12],
            )
            for version in found
        ]
        items = format_html_join("", '<li><a href="{}">v{}</a> of {} by {} <code>{}</code></li>', lines)
        return format_html('<ul class="plain">{}</ul>', items)

    def get_urls(self) -> list[URLPattern]:
        """And the pages of the versions."""
        version = path(
            "<int:key>/v<int:number>/",
            self.admin_site.admin_view(self.version),
            name=f"orchestra_{self.kind}_version",
        )
        return [version, *super().get_urls()]

    def version(self, request: HttpRequest, key: int, number: int) -> HttpResponse:
        """One version, with its text."""
        row = self.get_queryset(request).filter(pk=key).first()
        found = row and row.versions.filter(number=number).select_related("author").first()
        if not found or not self.has_view_permission(request, row):
            raise NotFound("There is no such version.")
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{row.name} v{number}",
            "opts": self.opts,
            "object": row,
            "version": found,
            "digest": bytes(found.digest).hex(),
            "source": self.source(found),
        }
        return TemplateResponse(request, "admin/version.html", shown)

    def source(self, version: Any) -> str:
        """The text of a version."""
        return str(version.source)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the way to a draft."""
        row = context.get("original")
        if row is not None and can(request, "add", "draft"):
            context = {
                **context,
                "kind": self.kind,
                "draft": self._draft(row),
                "places_in_force": sorted(self.places(row)),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def _draft(self, row: Any) -> Draft | None:
        return Draft.objects.filter(kind=self.kind, name=row.name).first()


@admin.register(Workflow)
class WorkflowAdmin(Definition):
    """Workflows."""

    kind = "workflow"

    def places(self, row: Workflow) -> Iterable[tuple[str, int]]:
        """By its deployments."""
        return row.deployments.values_list("environment__name", "base_version__number")

    def source(self, version: WorkflowVersion) -> str:
        """Its document alone."""
        return sources.document(version.source, "workflow", version.workflow.name)


@admin.register(Policy)
class PolicyAdmin(Definition):
    """Policies."""

    kind = "policy"

    def places(self, row: Policy) -> Iterable[tuple[str, int]]:
        """By its publications."""
        held = row.publications.filter(until__isnull=True)
        return held.values_list("environment__name", "version__number")

    def source(self, version: PolicyVersion) -> str:
        """Its document alone."""
        return sources.document(version.source, "policy", version.policy.name)


@admin.register(Tool)
class ToolAdmin(Definition):
    """Tools."""

    kind = "tool"

    def places(self, row: Tool) -> Iterable[tuple[str, int]]:
        """By its bindings."""
        held = row.bindings.filter(active=True)
        return held.values_list("environment__name", "version__number")

    def source(self, version: ToolVersion) -> str:
        """Written from its declaration."""
        return sources.tool(version)


class AgentForm(GovernedForm):
    """What of an agent is no part of a version."""

    class Meta:
        model = Agent
        fields = ("owner", "active")
        help_texts = {
            "owner": "The person who answers for it, and who never decides on what it proposes.",
            "active": "Off: no step of it begins any more.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "owner", Person.objects.filter(active=True).order_by("name"))

    def clean(self) -> dict[str, Any]:
        """Who owns it must keep out of its decisions, so they do not hand it over themselves."""
        data = super().clean() or {}
        if "owner" in self.changed_data and self.initial.get("owner") == account(self.request).person_id:
            self.refuse(self.instance, "owner", "You own this agent, so someone else must hand it over.")
        return data


@admin.register(Agent)
class AgentAdmin(Governed, Definition):
    """Agents."""

    kind = "agent"
    form = AgentForm
    list_display = ("name", "newest", "owner", "active")
    list_filter = ("active",)
    list_select_related = ("owner",)
    fields = ("name", "owner", "active", "in_force", "versions")
    readonly_fields = ("name", "in_force", "versions", "newest")
    change_form_template = "admin/definition.html"

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Publishing makes them."""
        return False

    def places(self, row: Agent) -> Iterable[tuple[str, int]]:
        """Its newest version holds wherever it is granted something."""
        newest = max((version.number for version in row.versions.all()), default=0)
        granted = row.grants.values_list("environment__name", flat=True).distinct()
        return [(name, newest) for name in granted]

    def source(self, version: AgentVersion) -> str:
        """Written from its row."""
        return sources.agent(version)
