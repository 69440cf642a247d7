"""Where requests are led and who is told: routing rules, webhooks; and limits of deployments and agents."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from orchestra.admin.base import Governed, GovernedForm, account, person, seen
from orchestra.admin.deployments import configures
from orchestra.delivery import sending
from orchestra.delivery.topics import TOPICS
from orchestra.edge import egress, secrets
from orchestra.errors import OrchestraError
from orchestra.intake import routing
from orchestra.models import Budget, Deployment, Resource, RoutingRule, Webhook
from orchestra.people import roles

NOT_THEIRS = "You have no right to configure this deployment."


def theirs(request: HttpRequest) -> QuerySet[Deployment]:
    """Deployments that the person may configure."""
    rows = Deployment.objects.select_related("workflow", "environment").order_by("workflow__name")
    someone = person(request)
    if someone is None:
        return rows if account(request).is_superuser else rows.none()
    return rows.filter(pk__in=roles.visible_to(someone, "configure").values("pk"))


class OfDeployment(Governed):
    """Rows of a deployment, seen by who may see it, and changed by who may configure it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those of deployments that are theirs to see, and of no deployment."""
        found = Q(deployment__isnull=True) | Q(deployment__in=seen(request))
        return super().get_queryset(request).filter(found)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the permission, and the right on the deployment."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.deployment is None or configures(request, obj.deployment))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As changing."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.deployment is None or configures(request, obj.deployment))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only deployments that are theirs to configure."""
        if db_field.name == "deployment":
            kwargs["queryset"] = theirs(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class RoutingForm(GovernedForm):
    """A rule, whose condition is read before it is kept."""

    class Meta:
        model = RoutingRule
        fields = ("position", "name", "condition", "deployment", "active")
        widgets = {"condition": forms.Textarea(attrs={"rows": 4, "class": "mono"})}
        help_texts = {
            "condition": "CEL over source, environment, subject, reference, labels and payload; the first rule that is "
            'true chooses. Such as: labels["team"] == "billing" || payload.amount > 100',
        }

    def clean_condition(self) -> str:
        """Told with line and column."""
        given: str = self.cleaned_data["condition"]
        try:
            routing.compiled(given)
        except OrchestraError as error:
            raise forms.ValidationError(error.message) from None
        return given


@admin.register(RoutingRule)
class RoutingAdmin(OfDeployment):
    """Which deployment takes a request that names none."""

    form = RoutingForm
    deletes = True
    list_display = ("name", "position", "deployment", "active")
    list_filter = ("active",)
    list_select_related = ("deployment__workflow", "deployment__environment")
    search_fields = ("name", "condition")
    ordering = ("position", "id")
    told = ("name", "condition")


class WebhookForm(GovernedForm):
    """An address, held against the rules of the edge."""

    topics = forms.MultipleChoiceField(
        choices=list(TOPICS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it is told; none ticked: everything.",
    )

    class Meta:
        model = Webhook
        fields = ("name", "url", "secret_reference", "service", "deployment", "active")
        field_classes = {"url": forms.CharField}
        widgets = {"url": forms.TextInput(attrs={"class": "vTextField"})}
        help_texts = {
            "url": "https://host/path. Inner addresses must be opened by ORCHESTRA_WEBHOOK_ALLOW.",
            "service": "Told of the tasks of this system.",
            "deployment": "Or told of everything in this deployment.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("topics", list(self.instance.topics or []))

    def _get_validation_exclusions(self) -> set[str]:
        """The address is judged by what may be connected to, not by Django's idea of one."""
        return {*super()._get_validation_exclusions(), "url"}  # type: ignore[misc]

    def clean_url(self) -> str:
        """An address that may be reached."""
        given: str = self.cleaned_data["url"]
        try:
            base, _ = sending.split(given)
            egress.check(base, sending.rules())
        except OrchestraError as error:
            raise forms.ValidationError(error.message) from None
        return given

    def clean_secret_reference(self) -> str:
        """A reference, never a secret."""
        given: str = self.cleaned_data["secret_reference"]
        try:
            secrets.parse(given)
        except OrchestraError as error:
            raise forms.ValidationError(error.message) from None
        return given

    def clean(self) -> dict[str, Any]:
        """Of one thing."""
        data = super().clean() or {}
        if bool(data.get("service")) == bool(data.get("deployment")) and "deployment" in self.fields:
            self.add_error("deployment", "It is told of a system's tasks or of a deployment: choose one.")
        self.instance.topics = data.get("topics", [])
        return data


@admin.register(Webhook)
class WebhookAdmin(OfDeployment):
    """Who is told over HTTP."""

    form = WebhookForm
    list_display = ("name", "url", "service", "deployment", "active")
    list_filter = ("active",)
    list_select_related = ("service", "deployment__workflow", "deployment__environment")
    search_fields = ("name", "url")
    ordering = ("name",)
    fields = ("name", "url", "secret_reference", "topics", "service", "deployment", "active")
    told = ("name", "url", "secret_reference")


#: What is counted across runs. Tokens, money and steps are limits of each run, in its workflow.
COUNTED: Final = (Resource.TURNS, Resource.TOOL_CALLS)


class BudgetForm(GovernedForm):
    """A limit on what is counted."""

    class Meta:
        model = Budget
        fields = ("deployment", "agent", "resource", "limit", "period_ends_at")
        help_texts = {
            "deployment": "Of everything in this deployment,",
            "agent": "or of everything that this agent does.",
            "resource": "Tokens, money and steps are limited for each run, in its workflow.",
            "limit": "What is used and what is set aside never exceed it; reaching it stops runs and asks people.",
            "period_ends_at": "Empty: it never ends.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"deployment", "agent", "period_ends_at"} & set(self.fields):
            self.fields[name].required = False
        if isinstance(resource := self.fields.get("resource"), forms.ChoiceField):
            resource.choices = [(each.value, each.label) for each in COUNTED]

    def clean(self) -> dict[str, Any]:
        """Words instead of the database's refusals."""
        data = super().clean() or {}
        row = self.instance
        if not row.pk and bool(data.get("deployment")) == bool(data.get("agent")):
            self.add_error("agent", "A limit is of a deployment or of an agent: choose one.")
        taken = row.used + row.reserved
        if data.get("limit") is not None and data["limit"] < taken:
            self.add_error("limit", f"{taken} are used or set aside already: the limit cannot be lower.")
        return data


@admin.register(Budget)
class BudgetAdmin(OfDeployment):
    """Limits of deployments and agents; those of runs come with their workflow."""

    form = BudgetForm
    list_display = (
        "deployment",
        "agent",
        "resource",
        "limit",
        "used",
        "reserved",
        "period_ends_at",
    )
    list_filter = ("resource",)
    list_display_links = ("deployment", "agent", "resource")
    list_select_related = ("deployment__workflow", "deployment__environment", "agent")
    fields = ("deployment", "agent", "resource", "limit", "used", "reserved", "period_ends_at")
    readonly_fields = ("used", "reserved")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Not those of runs."""
        return super().get_queryset(request).filter(run__isnull=True)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What it counts stays; how much changes."""
        fixed = ("deployment", "agent", "resource") if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)
