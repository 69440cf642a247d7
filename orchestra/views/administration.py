"""The site of the administration: its families in order, and sign-in by the same door as everywhere, second factor too.

Refuses what packages would register: job queues, raw tokens and sessions there would be a way round the gate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models.base import ModelBase
from django.http import HttpRequest
from django.shortcuts import redirect

from orchestra.errors import NotAllowed
from orchestra.models import User

#: Families in the order of the front page, each with its models in order.
FAMILIES: Final = (
    ("People", "person user group serviceaccount apitoken authenticator usersession socialaccount"),
    ("Definitions", "draft policy workflow tool agent"),
    ("Places", "environment deployment toolbinding grant budget routingrule webhook"),
    ("What happened", "task run step turn toolcall ruling proposal approval humantask dispatch halt"),
    ("The record", "auditevent auditseal outboxmessage webhookdelivery"),
)
OURS: Final = ("orchestra.", "reviews.")


class Administration(AdminSite):
    """Our own administration."""

    site_header = "Administration"
    site_title = "Orchestra"
    index_title = "Administration"
    enable_nav_sidebar = False
    index_template = "admin/families.html"

    def register(
        self,
        model_or_iterable: ModelBase | Iterable[ModelBase],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Only what is ours."""
        if admin_class is not None and admin_class.__module__.startswith(OURS):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Accounts that may come in, of a person who is active, or of nobody (the first one, made by command)."""
        user = request.user
        if not super().has_permission(request) or not isinstance(user, User) or user.service_id is not None:
            return False
        return user.person is None or user.person.active

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """By the sign-in of all pages; who is signed in and may not come in is told so."""
        if request.user.is_authenticated:
            raise NotAllowed(
                "The administration needs an account that may enter it. An administrator can say so."
            )
        return secure_admin_login(super().login)(request, extra_context)

    def logout(
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """By the sign-out of all pages."""
        return redirect("account_logout")

    def password_change(
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """By the page of all people."""
        return redirect("account_change_password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The families, instead of Django's apps."""
        found: dict[str, Any] = {}
        for app in super().get_app_list(request, app_label):
            found |= {each["model"]._meta.model_name: each for each in app["models"]}
        return [
            {
                "name": name,
                "app_label": "orchestra",
                "app_url": "",
                "has_module_perms": True,
                "models": models,
            }
            for name, members in FAMILIES
            if (models := [found[each] for each in members.split() if each in found])
        ]
