"""Where tools point to, and which agents may use them where.

In a protected environment both are only read here: a draft of a binding or an agent changes them, with a second person.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from orchestra.admin.base import Governed, GovernedForm, account, offer, person, somebody
from orchestra.documents.envelopes import Envelope
from orchestra.errors import Invalid
from orchestra.models import Deployment, Environment, Grant, Tool, ToolBinding
from orchestra.people import roles
from orchestra.tools import bindings

#: Parts of a binding's document, and the fields that hold them here.
FIELDS: Final = {
    "base_url": "base_url",
    "secret": "secret_reference",
    "at_once": "at_once",
    "allow": "allow",
    "labels": "labels",
}


class Lines(forms.CharField):
    """A list, one entry on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "mono"})

    def prepare_value(self, value: Any) -> Any:
        """A list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Lines as a list."""
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lists differ."""
        return bool(list(initial or []) != self.to_python(data))


class BindingForm(GovernedForm):
    """The address of one tool in one environment, held against the same rules as a file."""

    allow = Lines(
        required=False,
        label="May also reach",
        help_text="What it may reach besides public addresses, one on each line: store.internal:8100, 10.1.0.0/16, 127.0.0.1:8100.",
    )
    labels = Lines(
        required=False, help_text="Labels of the task that fill gaps of the address, one on each line."
    )

    class Meta:
        model = ToolBinding
        fields = ("tool", "environment", "version", "base_url", "secret_reference", "at_once", "active")
        field_classes = {"base_url": forms.CharField}
        widgets = {"base_url": forms.TextInput(attrs={"class": "vTextField"})}
        help_texts = {
            "tool": "A published tool.",
            "version": "The declaration that holds here. Once it is kept, publishing the tool puts another in force.",
            "base_url": "https://host, perhaps with a port and a path with gaps such as {world}.",
            "secret_reference": "Where its secret is found, never the secret: env:NAME or file:/run/secrets/name.",
            "at_once": "Calls under way at once; empty: no limit.",
            "active": "Off: nobody can use the tool here.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("allow", "labels"):
            self.initial.setdefault(name, list((self.instance.settings or {}).get(name, [])))
        offer(self, "tool", Tool.objects.filter(versions__isnull=False).distinct().order_by("name"))

    def _get_validation_exclusions(self) -> set[str]:
        """The address is judged by what may be connected to, not by Django's idea of one."""
        return {*super()._get_validation_exclusions(), "base_url"}  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        """As strict as publishing a binding."""
        data = super().clean() or {}
        tool = data.get("tool") or (self.instance.tool if self.instance.pk else None)
        version, place = data.get("version"), data.get("environment")
        if tool and version and version.tool_id != tool.pk:
            self.add_error("version", f"This is a version of {version.tool}, not of {tool}.")
        if place and (said := locked(self.request, place)):
            self.refuse(self.instance, "environment", said)
        if tool and not self.errors:
            self._check(data, tool)
        return data

    def _check(self, data: dict[str, Any], tool: Tool) -> None:
        held = self.instance.settings or {}
        header, prefix = held.get("secret_header", ""), held.get("secret_prefix", "")
        secret: Any = data.get("secret_reference")
        if secret and header not in ("", "Authorization"):
            secret = {"reference": secret, "header": header, **({"prefix": prefix} if prefix else {})}
        given = {**data, "secret": secret}
        spec = {part: given[part] for part in FIELDS if given.get(part)} | {"tools": [tool.name]}
        try:
            made = bindings.parse(Envelope("binding", held.get("binding") or "admin", spec, 1, {}))
        except Invalid as refusal:
            for problem in refusal.problems:
                part = problem.pointer.split("/")[2] if problem.pointer.count("/") > 1 else ""
                self.add_error(FIELDS.get(part), problem.message)
            return
        self.instance.settings = {**made.settings(), "binding": held.get("binding", "")}


class OfPlace(Governed):
    """Rows of an environment, changed by who may configure every deployment there, unless it is protected."""

    list_select_related: ClassVar[Any] = ("tool", "environment")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the permission, and the rights in the environment."""
        return super().has_change_permission(request, obj) and (
            obj is None or locked(request, obj.environment) is None
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As changing."""
        return super().has_delete_permission(request, obj) and (
            obj is None or locked(request, obj.environment) is None
        )


def locked(request: HttpRequest, place: Environment) -> str | None:
    """Why the person cannot change what belongs to the environment, as a sentence; None when they can."""
    if place.protected:
        return f"{place} is protected: change this by a draft, which somebody else publishes."
    someone = person(request)
    if someone is None:
        return None if account(request).is_superuser else "Your account belongs to no person."
    theirs = roles.visible_to(someone, "configure").values("pk")
    foreign = Deployment.objects.filter(~Q(pk__in=theirs), environment=place).exists()
    return f"There are deployments in {place} that you have no right to configure." if foreign else None


@admin.register(ToolBinding)
class BindingAdmin(OfPlace):
    """Addresses of tools."""

    form = BindingForm
    list_display = ("tool", "environment", "version", "base_url", "at_once", "active")
    list_filter = ("environment", "active")
    list_select_related = ("tool", "environment", "version__tool")
    search_fields = ("tool__name", "base_url")
    ordering = ("environment__name", "tool__name")
    fields = (
        "tool",
        "environment",
        "version",
        "base_url",
        "allow",
        "labels",
        "secret_reference",
        "at_once",
        "active",
    )
    told = ("base_url", "secret_reference")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Which tool and where stays, and publishing the tool puts another version in force."""
        fixed = ("tool", "environment", "version") if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees the columns."""
        names = super().get_fields(request, obj)
        return (
            names
            if "why" in names
            else [name for name in names if name not in ("allow", "labels")] + ["settings"]
        )


class GrantForm(GovernedForm):
    """An agent may use a tool."""

    class Meta:
        model = Grant
        fields = ("agent", "tool", "environment", "expires_at")
        help_texts = {
            "agent": "It may ask for the tool; policies and people still decide on each call.",
            "expires_at": "Empty: until it is deleted.",
        }

    def clean(self) -> dict[str, Any]:
        """Where the person may configure."""
        data = super().clean() or {}
        place = data.get("environment")
        if isinstance(place, Environment) and (said := locked(self.request, place)):
            self.refuse(self.instance, "environment", said)
        return data


@admin.register(Grant)
class GrantAdmin(OfPlace):
    """Which agent may use which tool where."""

    form = GrantForm
    deletes = True
    list_display = ("agent", "tool", "environment", "expires_at", "granted_by")
    list_filter = ("environment", "agent")
    list_select_related = ("agent", "tool", "environment", "granted_by")
    search_fields = ("agent__name", "tool__name")
    ordering = ("agent__name", "tool__name")
    fields = ("agent", "tool", "environment", "expires_at", "granted_by")
    readonly_fields = ("granted_by",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only the end of a grant changes; another grant is another row."""
        return (
            *super().get_readonly_fields(request, obj),
            *(("agent", "tool", "environment") if obj else ()),
        )

    def save_model(self, request: HttpRequest, obj: Grant, form: Any, change: bool) -> None:
        """Given by who saves it."""
        obj.granted_by = somebody(request)
        super().save_model(request, obj, form, change)
