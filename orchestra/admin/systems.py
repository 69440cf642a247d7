"""Service accounts: systems with an owner, the groups they are in, and their tokens, each shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from orchestra.admin.base import Governed, GovernedForm, Read, account, can, offer
from orchestra.audit import governance
from orchestra.errors import Invalid, NotAllowed, NotFound
from orchestra.models import ApiToken, Person, ServiceAccount, User
from orchestra.people import scopes, tokens

MONTH: Final = 30 * 24


class ServiceForm(GovernedForm):
    """A system, and the groups of its account."""

    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Rights on deployments are given to groups. A system can never decide, whatever group it is in.",
    )

    class Meta:
        model = ServiceAccount
        fields = ("name", "owner", "active")
        help_texts = {
            "name": "Short name, as it stands in the record. It cannot be changed later.",
            "owner": "The person who answers for it, and who never decides on what it asks for.",
            "active": "Off: its tokens no longer work.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "owner", Person.objects.filter(active=True).order_by("name"))
        found = self.instance.pk and User.objects.filter(service=self.instance).first()
        if found:
            self.initial["groups"] = list(found.groups.all())

    def clean(self) -> dict[str, Any]:
        """Who owns it must keep out of its decisions, so they do not hand it over themselves."""
        data = super().clean() or {}
        own = self.instance.pk and self.initial.get("owner") == account(self.request).person_id
        if own and "owner" in self.changed_data:
            self.refuse(self.instance, "owner", "You own this system, so someone else must hand it over.")
        return data

    def clean_name(self) -> str:
        """Its account has the same name, so that must be free."""
        name: str = self.cleaned_data["name"]
        if not self.instance.pk and User.objects.filter(username=name).exists():
            raise forms.ValidationError("There is an account of this name already.")
        return name


@admin.register(ServiceAccount)
class ServiceAdmin(Governed):
    """Systems that submit and read."""

    form = ServiceForm
    list_display = ("name", "owner", "active")
    list_filter = ("active",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__name")
    ordering = ("name",)
    fields = ("name", "owner", "active", "groups")
    told = ("name",)
    change_form_template = "admin/orchestra/serviceaccount/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name is in the record."""
        return (*super().get_readonly_fields(request, obj), *(("name",) if obj else ()))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Groups are no column: who may only look does not see them as one."""
        names = super().get_fields(request, obj)
        return names if "why" in names else [name for name in names if name != "groups"]

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: bool) -> None:
        """It gets an account of its name that nobody can sign in with."""
        super().save_model(request, obj, form, change)
        found = User.objects.filter(service=obj).first()
        if found is None:
            found = User(username=obj.name, service=obj)
            found.set_unusable_password()
            found.save()
        found.groups.set(form.cleaned_data["groups"])

    def get_urls(self) -> list[URLPattern]:
        """And the page that makes a token."""
        mint = path(
            "<int:key>/token/",
            self.admin_site.admin_view(self.mint),
            name="orchestra_serviceaccount_token",
        )
        return [mint, *super().get_urls()]

    def mint(self, request: HttpRequest, key: int) -> HttpResponse:
        """A form, and after it the token, once."""
        row = ServiceAccount.objects.filter(pk=key).first()
        if row is None:
            raise NotFound("There is no such service account.")
        if not can(request, "add", "apitoken"):
            raise NotAllowed("Making a token needs the permission to add API tokens.")
        form = TokenForm(request.POST or None)
        made = _minted(row, form, account(request)) if request.method == "POST" and form.is_valid() else None
        shown = {
            **self.admin_site.each_context(request),
            "title": f"A token of {row}",
            "opts": self.opts,
            "object": row,
            "form": form,
            "made": made,
        }
        answer = TemplateResponse(request, "admin/orchestra/serviceaccount/token.html", shown)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class TokenForm(forms.Form):
    """What a token may be used for, and how long."""

    name = forms.CharField(
        max_length=120, help_text="Says where it is used, so that you know which one to revoke."
    )
    wanted = forms.MultipleChoiceField(
        label="For",
        choices=[(name, words) for name, words in scopes.SCOPES.items() if name not in scopes.OF_PEOPLE],
        widget=forms.CheckboxSelectMultiple,
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=int(scopes.LONGEST.total_seconds() // 3600),
        initial=MONTH,
        label="Lives for hours",
        help_text="A month has 720, a year 8 760. Shorter is safer.",
    )


@transaction.atomic
def _minted(row: ServiceAccount, form: TokenForm, by: User) -> tokens.Minted | None:
    given = form.cleaned_data
    try:
        made = tokens.mint(
            holder=row,
            name=given["name"],
            wanted=given["wanted"],
            life=timedelta(hours=given["hours"]),
            by=governance.actor(by),
        )
    except Invalid as refusal:
        for problem in refusal.problems:
            form.add_error(None, problem.message)
        return None
    governance.record(
        made.token, "added", by=by, reason=f"token of service {row}: {', '.join(made.token.scopes)}"
    )
    return made


@admin.register(ApiToken)
class TokenAdmin(Read):
    """Tokens of people and systems: never the token, nor its digest."""

    list_display = ("name", "prefix", "person", "service", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("person", "service")
    search_fields = ("name", "prefix", "person__name", "service__name")
    fields = (
        "name",
        "prefix",
        "person",
        "service",
        "scopes",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "created_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    change_form_template = "admin/orchestra/apitoken.html"

    def get_urls(self) -> list[URLPattern]:
        """And revoking."""
        revoke = path(
            "<int:key>/revoke/",
            self.admin_site.admin_view(require_POST(self.revoke)),
            name="orchestra_apitoken_revoke",
        )
        return [revoke, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With a button to revoke what can still be used."""
        row = context.get("original")
        alive = row is not None and row.revoked_at is None and row.expires_at > timezone.now()
        may = can(request, "change", "apitoken")
        return super().render_change_form(request, {**context, "revocable": alive and may}, *args, **kwargs)

    def revoke(self, request: HttpRequest, key: int) -> HttpResponse:
        """End a token now."""
        if not can(request, "change", "apitoken"):
            raise NotAllowed("Revoking a token needs the permission to change API tokens.")
        row = ApiToken.objects.filter(pk=key).first()
        if row is None:
            raise NotFound("There is no such token.")
        with transaction.atomic():
            by = account(request)
            tokens.revoke(row.uid, holder=tokens.holder_of(row), by=governance.actor(by))
            governance.record(row, "revoked", by=by, reason=f"{row}")
        self.message_user(request, f"{row} no longer works.")
        return redirect(reverse("admin:orchestra_apitoken_change", args=[key]))
