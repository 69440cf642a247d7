"""Groups: who is in them, and what their members may do in the administration.

Refuses changes of groups that the person who asks is in themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join

from orchestra.admin.base import Governed, GovernedForm, account
from orchestra.models import User
from orchestra.people.persons import GROUP
from orchestra.views.administration import FAMILIES

MOST: Final = 200
#: What publishing asks for, and giving rights.
VERSIONS: Final = (
    "workflowversion",
    "policyversion",
    "toolversion",
    "agentversion",
    "deploymentgrouppermission",
)


if TYPE_CHECKING:  # the class takes no parameter when it runs
    Choices = forms.ModelMultipleChoiceField[Permission]
else:
    Choices = forms.ModelMultipleChoiceField


class Named(Choices):
    """Permissions in Django's words, without the names of tables."""

    def label_from_instance(self, obj: Any) -> str:
        """Its words."""
        return str(obj.name)


def _offered() -> QuerySet[Permission]:
    """What the pages here ask for."""
    models = [name for _, members in FAMILIES for name in members.split() if name != "deployment"]
    found = Permission.objects.filter(content_type__model__in=[*models, *VERSIONS])
    return found.select_related("content_type").order_by("content_type__model", "codename")


class GroupForm(GovernedForm):
    """A group."""

    class Meta:
        model = Group
        fields = ("name", "permissions")
        labels = {"permissions": "May do in the administration"}
        help_texts = {
            "name": "Small letters, digits and hyphens. Policies and workflows name groups, so it cannot change later.",
            "permissions": "Rights on deployments are given on the page of each deployment.",
        }
        widgets = {"permissions": forms.CheckboxSelectMultiple}

    def clean_name(self) -> str:
        """A name that policies can use."""
        name: str = self.cleaned_data["name"]
        if not GROUP.fullmatch(name):
            raise forms.ValidationError("Small letters, digits and hyphens, a letter first.")
        return name

    def clean(self) -> dict[str, Any]:
        """Nobody gives themselves rights."""
        data = super().clean() or {}
        if (
            "permissions" in self.changed_data
            and self.instance.pk
            and member(account(self.request), self.instance)
        ):
            said = "You are in this group, so someone else must change what it may do."
            self.refuse(self.instance, "permissions", said)
        return data


@admin.register(Group)
class GroupAdmin(Governed):
    """Teams."""

    form = GroupForm
    list_display = ("name", "number")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "members", "permissions")
    readonly_fields = ("members",)
    told = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of its members."""
        rows: QuerySet[Any] = super().get_queryset(request).annotate(number=Count("user"))
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Others name it."""
        return (*super().get_readonly_fields(request, obj), *(("name",) if obj else ()))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """What the administration has, in plain words; of packages only second factors."""
        if db_field.name == "permissions":
            kwargs |= {"queryset": _offered(), "form_class": Named}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description="members")
    def number(self, row: Any) -> int:
        """How many accounts are in it."""
        return int(row.number)

    @admin.display(description="members")
    def members(self, row: Group) -> str:
        """Links to its members; each is added and taken out on their own page."""
        found = User.objects.filter(groups=row).select_related("person").order_by("username")[:MOST]
        links = [(reverse("admin:orchestra_user_change", args=[each.pk]), each.username) for each in found]
        return (
            format_html_join(", ", '<a href="{}">{}</a>', links)
            or "Nobody yet. Add it on the page of an account."
        )


def member(asking: User, group: Group) -> bool:
    """Whether any account of the person is in the group."""
    if asking.person_id is None:
        return asking.groups.filter(pk=group.pk).exists()
    return User.objects.filter(person_id=asking.person_id, groups=group).exists()
