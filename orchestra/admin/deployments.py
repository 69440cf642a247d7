"""Environments and deployments: how workflows run, who decides on their writes, and which group may do what there.

A deployment is seen and changed by the rights on it. Versions are moved by publishing alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from orchestra import canonical
from orchestra.admin.base import Change, GovernedForm, account, can, offer, person, seen
from orchestra.admin.groups import member
from orchestra.admin.seconded import Seconded
from orchestra.audit import governance
from orchestra.errors import NotAllowed, NotFound
from orchestra.models import Deployment, DeploymentGroupPermission, Environment
from orchestra.people import roles

#: The rights on a deployment, in the order of the table.
RIGHTS: Final = tuple(dict(Deployment._meta.permissions))
#: Settings that put a version in force.
CANARY: Final = frozenset({"canary_version", "canary_share"})
STALE: Final = (
    "The rights were changed since you looked, so nothing was saved. They are shown as they are now."
)


class EnvironmentForm(GovernedForm):
    """A place."""

    class Meta:
        model = Environment
        fields = ("name", "protected")
        help_texts = {
            "name": "Small letters, digits and hyphens, such as dev, test, prod. It cannot be changed later.",
            "protected": "Drafts are published here by somebody else than who wrote them, and settings that are changed "
            "here wait for a second person; switching this off does too.",
        }


@admin.register(Environment)
class EnvironmentAdmin(Seconded):
    """Places that tools point to."""

    form = EnvironmentForm
    list_display = ("name", "protected")
    ordering = ("name",)
    search_fields = ("name",)
    fields = ("name", "protected")
    told = ("name",)

    def place(self, row: Environment) -> Environment:
        """Itself."""
        return row

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Definitions name it."""
        return (*super().get_readonly_fields(request, obj), *(("name",) if obj else ()))


class DeploymentForm(GovernedForm):
    """How a workflow runs in an environment."""

    class Meta:
        model = Deployment
        fields = ("mode", "canary_version", "canary_share", "max_running")
        help_texts = {
            "mode": "Who decides on writes. Less caution than before needs a reason.",
            "canary_version": "A published version that a share of the new runs takes.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = self.instance.workflow.versions.exclude(pk=self.instance.base_version_id)
        offer(self, "canary_version", versions.select_related("workflow").order_by("-number"))

    def clean(self) -> dict[str, Any]:
        """Words instead of the database's refusals."""
        data = super().clean() or {}
        for name in CANARY.intersection(self.changed_data):
            if said := lacking(self.request, self.instance, {name}):
                self.refuse(self.instance, name, said)
        share = data.get("canary_share") or 0
        if share > 100:
            self.add_error("canary_share", "A share is at most 100 percent.")
        if share and not data.get("canary_version"):
            self.add_error("canary_version", "A share needs a version that takes it.")
        if "mode" in self.changed_data and data.get("mode") != "proposal" and not data.get("why", "").strip():
            self.add_error("why", "Say why fewer writes shall wait for people: it is kept in the record.")
        return data


@admin.register(Deployment)
class DeploymentAdmin(Seconded):
    """Workflows in environments, by the rights on each."""

    form = DeploymentForm
    list_display = ("workflow", "environment", "base_version", "mode", "canary_share", "max_running")
    list_filter = ("environment", "mode")
    list_select_related = ("workflow", "environment", "base_version__workflow")
    search_fields = ("workflow__name",)
    ordering = ("workflow__name", "environment__name")
    fields = (
        "workflow",
        "environment",
        "base_version",
        "mode",
        "canary_version",
        "canary_share",
        "max_running",
        "uid",
    )
    readonly_fields = ("workflow", "environment", "base_version", "uid")
    change_form_template = "admin/orchestra/deployment/change_form.html"

    def place(self, row: Deployment) -> Environment:
        """Where it runs."""
        return row.environment

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those that the person may see."""
        return super().get_queryset(request).filter(pk__in=seen(request))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Publishing makes them."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The list holds what is theirs to see."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the right to configure it."""
        return configures(request, obj)

    def lacking(self, request: HttpRequest, row: Any, names: Collection[str]) -> str | None:
        """Who confirms a version may publish it, too."""
        return lacking(request, row, names)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """A change of mode is told as a move."""
        made = super().construct_change_message(request, form, formsets, add)
        if "mode" not in form.changed_data:
            return made
        return Change(made.words, made.why, source=form.initial["mode"], target=form.cleaned_data["mode"])

    def get_urls(self) -> list[URLPattern]:
        """And the table of rights."""
        rights = path(
            "<int:key>/rights/", self.admin_site.admin_view(self.rights), name="orchestra_deployment_rights"
        )
        return [rights, *super().get_urls()]

    def rights(self, request: HttpRequest, key: int) -> HttpResponse:
        """Groups and what each may do here, as boxes to tick."""
        row = self.get_queryset(request).select_related("workflow", "environment").filter(pk=key).first()
        if row is None:
            raise NotFound("It does not exist, or it is not yours to see.")
        may = configures(request, row) and can(request, "change", "deploymentgrouppermission")
        if request.method == "POST":
            if not may:
                raise NotAllowed(
                    "Changing rights needs the right to configure here and the permission to change rights."
                )
            return self._give(request, row)
        held = held_rights(row)
        groups = [
            (group, [(right, f"{group.pk}:{right}", right in held.get(group.pk, ())) for right in RIGHTS])
            for group in Group.objects.order_by("name")
        ]
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Rights on {row}",
            "opts": self.opts,
            "object": row,
            "rights": [(right, words) for right, words in Deployment._meta.permissions],
            "groups": groups,
            "may": may,
            "seen": stamp(held),
        }
        return TemplateResponse(request, "admin/orchestra/deployment/rights.html", shown)

    def _give(self, request: HttpRequest, row: Deployment) -> HttpResponse:
        ticked = set(request.POST.getlist("right"))
        known = Group.objects.order_by("name")
        wanted = {group: {right for right in RIGHTS if f"{group.pk}:{right}" in ticked} for group in known}
        if refusal := give(row, wanted, asking=request, seen=request.POST.get("seen", "")):
            self.message_user(request, refusal, level="ERROR")
        else:
            self.message_user(request, "The rights are as you see them here.")
        return redirect(reverse("admin:orchestra_deployment_rights", args=[row.pk]))


def configures(request: HttpRequest, row: Deployment | None) -> bool:
    """Whether the person may configure the deployment, or any, when none is named."""
    return _holds(request, "configure", row)


def lacking(request: HttpRequest, row: Deployment, names: Collection[str]) -> str | None:
    """Why the person cannot change these settings, whatever they may configure, as a sentence; None when they can."""
    if CANARY.isdisjoint(names) or _holds(request, "publish", row):
        return None
    return "This puts a version in force, which takes the right to publish here."


def _holds(request: HttpRequest, right: str, row: Deployment | None) -> bool:
    someone = person(request)
    if someone is None:
        return account(request).is_superuser
    found = roles.visible_to(someone, right)
    return found.filter(pk=row.pk).exists() if row is not None else found.exists()


def held_rights(row: Deployment) -> Mapping[int, set[str]]:
    """The rights that each group (by id) has on the deployment."""
    found: dict[int, set[str]] = {}
    rows = DeploymentGroupPermission.objects.filter(content_object=row)
    for group, right in rows.values_list("group_id", "permission__codename"):
        found.setdefault(group, set()).add(right)
    return found


def stamp(held: Mapping[int, set[str]]) -> str:
    """A digest of rights, to tell whether they are still those that were shown."""
    return canonical.digest({str(group): sorted(rights) for group, rights in held.items()}).hex()


@transaction.atomic
def give(
    row: Deployment, wanted: Mapping[Group, Iterable[str]], *, asking: HttpRequest, seen: str
) -> str | None:
    """Make the rights of the groups what is wanted; a sentence if that is refused, and then nothing has changed.

    `seen` is the stamp of the rights that were shown: a page that is behind would take back what others gave.
    """
    Deployment.objects.select_for_update().get(pk=row.pk)
    held, by = held_rights(row), account(asking)
    if seen != stamp(held):
        return STALE
    added = {group: set(rights) - held.get(group.pk, set()) for group, rights in wanted.items()}
    taken = {group: held.get(group.pk, set()) - set(rights) for group, rights in wanted.items()}
    own = [group.name for group, rights in added.items() if rights and member(by, group)]
    if own:
        said = f"You are in the group {own[0]}, so someone else must give it rights."
        governance.record(row, "refused", by=by, reason=f"rights: {said}")
        return said
    if row.environment.protected and any(added.values()) and not by.is_superuser:
        said = f"{row.environment} is protected: giving rights here takes a superuser."
        governance.record(row, "refused", by=by, reason=f"rights: {said}")
        return said
    _write(row, added, taken)
    words = [
        f"{group.name}: {' '.join([*(f'+{right}' for right in sorted(added[group])), *(f'-{right}' for right in sorted(taken[group]))])}"
        for group in wanted
        if added[group] or taken[group]
    ]
    if words:
        governance.record(row, "rights", by=by, reason="; ".join(words))
    return None


def _write(row: Deployment, added: Mapping[Group, set[str]], taken: Mapping[Group, set[str]]) -> None:
    named = Permission.objects.filter(content_type__app_label="orchestra", content_type__model="deployment")
    by_name = {each.codename: each for each in named}
    DeploymentGroupPermission.objects.bulk_create(
        DeploymentGroupPermission(permission=by_name[right], group=group, content_object=row)
        for group, rights in added.items()
        for right in sorted(rights)
    )
    for group, rights in taken.items():
        DeploymentGroupPermission.objects.filter(
            content_object=row, group=group, permission__codename__in=rights
        ).delete()
