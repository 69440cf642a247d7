"""Sign-in by an identity provider: who it vouches for signs in as an account that is here already.

Refuses to make accounts, and to match superusers by mail. What it asks the provider leaves through our own door.
"""

from __future__ import annotations

from typing import Any

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from orchestra.audit import governance
from orchestra.edge import carrier
from orchestra.edge.egress import Rules
from orchestra.models import Person, User


class Identities(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Links of the provider's accounts to ours."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Never: an administrator makes accounts."""
        return False

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def authenticate_by_email(self, sociallogin: Any) -> tuple[User, str] | None:
        """The account of the one active person whose address the provider has verified, on their first sign-in."""
        if not settings.OIDC_MATCH_EMAIL:
            return None
        for address in sociallogin.email_addresses:
            if address.verified is True and (found := match(address.email)) is not None:
                said = f"signs in by {sociallogin.account.provider} as {sociallogin.account.uid}: verified address"
                governance.record(found, "linked", by=found, reason=said[:500])
                return found, address.email
        return None

    def get_requests_session(self) -> requests.Session:
        """Through our own door."""
        return carrier.session(Rules(frozenset(settings.OIDC_ALLOW)), seconds=settings.OIDC_TIMEOUT)


def match(address: str) -> User | None:
    """The account that an address leads to: of one active person, who has one account, and no superuser's."""
    people = list(Person.objects.filter(email__iexact=address, active=True)[:2]) if address else []
    accounts = list(User.objects.filter(person=people[0], is_active=True)[:2]) if len(people) == 1 else []
    if len(accounts) != 1 or accounts[0].is_superuser:
        return None
    return accounts[0]
