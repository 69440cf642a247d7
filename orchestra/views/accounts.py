"""How people sign in: by accounts that an administrator made. Refuses to let anybody sign up.

Secrets of second factors are kept encrypted, with a key that comes from SECRET_KEY and is not in the database.
"""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made in the administration."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Systems do not sign in, and nobody by an account of a person who is not active any more."""
        if user.service_id is not None or (user.person is not None and not user.person.active):
            return redirect("account_inactive")
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return answer


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors, whose secrets are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """Text of a secret as it is stored."""
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """A stored secret again."""
        return _fernet().decrypt(encrypted_text.encode()).decode()


def _fernet() -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"orchestra second factors").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))
