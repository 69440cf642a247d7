"""Tokens of the one who calls: list, make, revoke. A token never makes one with more scopes or a longer life."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status
from pydantic import BaseModel, Field, StrictInt

from orchestra.api import callers, shapes
from orchestra.api.callers import Token
from orchestra.api.shapes import Given
from orchestra.models import ApiToken
from orchestra.people import tokens
from orchestra.people.scopes import LONGEST, LONGEST_TO_DECIDE

router = Router(tags=["Tokens"])


class TokenAsked(Given):
    """A token that is wanted."""

    name: str = Field(min_length=1, max_length=120, description="Says where it is used.")
    scopes: list[str] = Field(min_length=1, max_length=20, examples=[["tasks:submit", "tasks:read"]])
    hours: StrictInt = Field(
        ge=1,
        le=LONGEST // timedelta(hours=1),
        description=(
            f"How long it lives: at most {LONGEST // timedelta(hours=1)}, with a scope to decide or to answer "
            f"{LONGEST_TO_DECIDE // timedelta(hours=1)}, and never longer than the token that makes it."
        ),
    )


class TokenTold(BaseModel):
    """A token, as it can be known afterwards."""

    uid: UUID
    name: str
    prefix: str = Field(description="Its visible beginning.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class TokenMade(TokenTold):
    """A new token; the only time that its text is told."""

    token: str


class TokenPage(BaseModel):
    """Living tokens, the newest first; there are at most a hundred."""

    items: list[TokenTold]


@router.get("", response=shapes.answers(TokenPage), auth=Token("tokens:manage"))
def list_tokens(request: HttpRequest) -> TokenPage:
    """The living tokens of the one who calls."""
    return TokenPage(items=[TokenTold(**_facts(row)) for row in tokens.listing(callers.of(request).holder)])


@router.post("", response=shapes.answers(TokenMade, 413, 415, status=201), auth=Token("tokens:manage"))
def make_token(request: HttpRequest, body: TokenAsked) -> Status[TokenMade]:
    """Make a token. Its text is in this answer alone."""
    caller = callers.of(request)
    made = tokens.mint(
        holder=caller.holder,
        name=body.name,
        wanted=body.scopes,
        life=timedelta(hours=body.hours),
        by=caller.name,
        through=caller.token,
    )
    return Status(201, TokenMade(**_facts(made.token), token=made.text))


@router.delete("/{uuid:uid}", response=shapes.answers(TokenTold, 404), auth=Token("tokens:manage"))
def revoke_token(request: HttpRequest, uid: UUID) -> TokenTold:
    """End a token now: the next request with it is refused."""
    caller = callers.of(request)
    return TokenTold(**_facts(tokens.revoke(uid, holder=caller.holder, by=caller.name)))


def _facts(row: ApiToken) -> dict[str, Any]:
    return {name: getattr(row, name) for name in TokenTold.model_fields}
