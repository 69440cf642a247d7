"""How accounts sign in: second factors, sessions, and links to an identity provider. Taken away here, never given.

Refuses to show a secret, and to make a factor: only its person can.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest

from orchestra.admin.base import Read, account, can, outranked
from orchestra.audit import governance
from orchestra.models import User


class Ended(Read):
    """Rows of an account that may be ended here, by who may change accounts."""

    list_select_related = ("user",)
    search_fields = ("user__username", "user__person__name")
    words = ""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """As accounts."""
        return can(request, "view", "user")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The front page names what may be seen; Django would ask for permissions of the package."""
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As accounts; a superuser's only by superusers."""
        allowed = can(request, "change", "user")
        return allowed and (obj is None or not outranked(request, obj.user))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Kept on the chain of the account."""
        user: User = obj.user
        governance.record(user, "changed", by=account(request), reason=f"{self.words}: {self.told(obj)}")
        self.end(obj)

    def told(self, row: Any) -> str:
        """The row, in the record."""
        return str(row)

    def end(self, row: Any) -> None:
        """Take it away."""
        row.delete()

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """`delete_model` has done it."""


@admin.register(Authenticator)
class FactorAdmin(Ended):
    """Second factors; taken away when somebody has lost theirs."""

    words = "second factor taken away"
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    fields = ("user", "type", "created_at", "last_used_at")

    def told(self, row: Authenticator) -> str:
        """Its kind."""
        return str(row.type)


@admin.register(UserSession)
class SessionAdmin(Ended):
    """Where people are signed in."""

    words = "session ended"
    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")

    def told(self, row: UserSession) -> str:
        """When it began."""
        return f"of {row.created_at:%Y-%m-%d %H:%M}"

    def end(self, row: UserSession) -> None:
        """The session itself, too."""
        row.end()


@admin.register(SocialAccount)
class LinkAdmin(Ended):
    """Accounts of the identity provider that sign in as accounts here."""

    words = "link to the identity provider taken away"
    list_display = ("user", "provider", "uid", "date_joined", "last_login")
    fields = ("user", "provider", "uid", "date_joined", "last_login")

    def told(self, row: SocialAccount) -> str:
        """Which one."""
        return f"{row.provider} {row.uid}"[:120]
