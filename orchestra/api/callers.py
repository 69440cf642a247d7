"""Who calls: the holder of a bearer token, and what this token may be used for.

A scope never gives a right: the holder's rights on each deployment are asked besides (see `people.roles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from ninja.security import HttpBearer

from orchestra.api import rates
from orchestra.api.problems import Unauthenticated
from orchestra.errors import Bug, NotAllowed
from orchestra.models import ApiToken, Person
from orchestra.people import roles, tokens
from orchestra.people.roles import Holder

REFUSED: Final = "This token is not known, revoked or expired, or its holder may not come in any more."
MISSING: Final = "Send a token: Authorization: Bearer orc_…"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is behind a request, and through which token."""

    holder: Holder
    token: ApiToken

    @property
    def name(self) -> str:
        """person:NAME or service:NAME."""
        return roles.name_of(self.holder)

    def person(self) -> Person:
        """The human being. Raises NotAllowed for a system."""
        if not isinstance(self.holder, Person):
            raise NotAllowed("Only people do this; the token belongs to a system.")
        return self.holder


class Token(HttpBearer):
    """Lets in whoever has a living token with the scope; "" asks for no scope."""

    openapi_description = "A token of a person or a system, as made at /accounts/tokens/."

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        """Raises Unauthenticated, NotAllowed, LimitHit."""
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        return self.authenticate(request, text.strip() if kind.lower() == "bearer" else "")

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller behind the text of a token."""
        found = tokens.find(token)
        if found is None:
            rates.stranger(request)
            raise Unauthenticated(REFUSED if token else MISSING)
        caller = Caller(tokens.holder_of(found), found)
        rates.request_of(caller.name)
        tokens.used(found)
        if self.scope and self.scope not in found.scopes:
            raise NotAllowed(f"This token has no scope {self.scope}. Make one that has.")
        return caller


def of(request: HttpRequest) -> Caller:
    """Who calls, in an operation."""
    caller = getattr(request, "auth", None)
    if not isinstance(caller, Caller):
        raise Bug("an operation of the API without its token")
    return caller
