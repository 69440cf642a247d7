"""Persons and the accounts that they and systems sign in with.

Refuses to let people give themselves anything, and to let anybody but a superuser touch a superuser.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from orchestra.admin.base import Change, Governed, GovernedForm, account, outranked
from orchestra.models import Person, User

#: What nobody changes of their own accounts.
OWN: Final = ("person", "service", "groups", "is_staff", "is_superuser")
SELF: Final = "This is your own account, so someone else must change this."
SUPERIOR: Final = "This person is a superuser, so only a superuser gives them accounts."


@admin.register(Person)
class PersonAdmin(Governed):
    """Human beings."""

    list_display = ("name", "full_name", "email", "active", "accounts")
    list_filter = ("active",)
    search_fields = ("name", "full_name", "email")
    ordering = ("name",)
    fields = ("name", "full_name", "email", "active", "accounts", "made")
    readonly_fields = ("accounts", "made")
    told = ("name",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may shut a superuser out, or say by which address of mail they are found, is one."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not outranked(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A short name is in the record for good, so it stays."""
        return (*super().get_readonly_fields(request, obj), *(("name",) if obj else ()))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Help in words."""
        helps = {
            "name": "Short name, as used with --as and in the record. It cannot be changed later.",
            "email": "For notices, and to find the person when they sign in by your identity provider.",
            "active": "A person who is not active cannot sign in, decide or be asked, by any account.",
        }
        return super().get_form(request, obj, change=change, help_texts=helps, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With their accounts."""
        return super().get_queryset(request).prefetch_related("accounts")

    @admin.display(description="accounts")
    def accounts(self, row: Person) -> str:
        """Links to the person's accounts, or to add the first one."""
        found = [
            (reverse("admin:orchestra_user_change", args=[each.pk]), each.username)
            for each in row.accounts.all()
        ]
        add = f"{reverse('admin:orchestra_user_add')}?person={row.pk}&username={row.name}"
        links = format_html_join(", ", '<a href="{}">{}</a>', found)
        return links if found else format_html('<a href="{}">Add an account</a>', add)

    @admin.display(description="added")
    def made(self, row: Person) -> Any:
        """When it was added."""
        return row.created_at


class AccountForm(GovernedForm):
    """An account. Its password is written into it and read by nobody."""

    new_password = forms.CharField(
        required=False,
        strip=False,
        label="New password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text="Empty: as it is; a new account then signs in by other ways only. Everybody's sessions of this "
        "account end when it changes. That you set it is kept in the record.",
    )

    class Meta:
        model = User
        fields = ("username", "person", "service", "groups", "is_active", "is_staff", "is_superuser")
        help_texts = {
            "person": "Whose it is. Everything that counts people counts persons, not accounts.",
            "service": "Or the system whose it is. Such an account can never decide.",
            "groups": "Rights on deployments are given to groups.",
            "is_active": "Off: it cannot sign in, and its tokens no longer work.",
            "is_staff": "It may enter the administration.",
            "is_superuser": "Every right everywhere, but never a decision on what the person has a part in. "
            "Only superusers change this.",
        }
        widgets = {"groups": forms.CheckboxSelectMultiple}

    def clean_new_password(self) -> str:
        """As strong as everywhere."""
        given: str = self.cleaned_data["new_password"]
        if given:
            validate_password(given, self.instance)
        return given

    def clean(self) -> dict[str, Any]:
        """An account is of a person or of a system, and nobody gives themselves rights."""
        data = super().clean() or {}
        if data.get("person") and data.get("service"):
            self.add_error("service", "An account is of a person or of a system, not of both.")
        if data.get("service") and (data.get("is_staff") or data.get("is_superuser")):
            self.add_error("is_staff", "A system does not enter the administration.")
        for name in OWN:
            if name in self.changed_data and self._is_own(data):
                self.refuse(self.instance, name, SELF)
        if (whose := data.get("person")) and outranked(self.request, whose):
            self.refuse(self.instance, "person", SUPERIOR)
        return data

    def _is_own(self, data: dict[str, Any]) -> bool:
        """Whether the account is, or would become, one of the person who asks."""
        asking = account(self.request)
        if asking.pk == self.instance.pk:
            return True
        before = self.initial.get("person")
        return asking.person_id is not None and asking.person_id in {
            before,
            getattr(data.get("person"), "pk", None),
        }


@admin.register(User)
class UserAdmin(Governed):
    """Accounts of persons and of systems."""

    form = AccountForm
    list_display = ("username", "person", "service", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    list_select_related = ("person", "service")
    search_fields = ("username", "person__name", "person__full_name", "service__name")
    ordering = ("username",)
    fields = (
        "username",
        "person",
        "service",
        "new_password",
        "groups",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "date_joined",
    )
    readonly_fields = ("last_login", "date_joined")
    told = ("username",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may set the password of any account of a superuser is one: rights are of persons, not of accounts."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not outranked(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name is known to people; superusers are made by superusers."""
        fixed = [*super().get_readonly_fields(request, obj)]
        fixed += ["username"] if obj else []
        return fixed if account(request).is_superuser else [*fixed, "is_superuser"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """No field for a password to who may only look."""
        names = super().get_fields(request, obj)
        return names if "why" in names else [name for name in names if name != "new_password"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Groups by name."""
        if db_field.name == "groups":
            kwargs["queryset"] = Group.objects.order_by("name")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """The password is written as a digest; without one the account cannot sign in by one."""
        given = form.cleaned_data.get("new_password")
        if given or not change:
            obj.set_password(given or None)
        super().save_model(request, obj, form, change)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The record says whose account it is."""
        made = super().construct_change_message(request, form, formsets, add)
        row = form.instance
        return Change(made.words, made.why, data={"person": row.person.name if row.person else ""})
