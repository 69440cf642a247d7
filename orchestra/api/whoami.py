"""Who the token speaks for, what it may be used for, and where its holder may submit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel

from orchestra.api import callers, shapes
from orchestra.api.callers import Token
from orchestra.api.shapes import Place, Who
from orchestra.people import roles

router = Router(tags=["Me"])
MOST: Final = 200


class TokenOfMine(BaseModel):
    """The token in use."""

    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime


class Me(BaseModel):
    """Who calls."""

    holder: Who
    token: TokenOfMine
    submits_to: list[Place]


@router.get("", response=shapes.answers(Me), auth=Token())
def get_me(request: HttpRequest) -> Me:
    """Who the token speaks for."""
    caller = callers.of(request)
    rows = roles.visible_to(caller.holder, "submit").select_related("workflow", "environment")
    names = rows.order_by("workflow__name", "environment__name")[:MOST]
    return Me(
        holder=shapes.who(caller.holder),
        token=TokenOfMine(**{name: getattr(caller.token, name) for name in TokenOfMine.model_fields}),
        submits_to=[shapes.place(each) for each in names],
    )
