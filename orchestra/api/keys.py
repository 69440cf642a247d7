"""The header `Idempotency-Key`: how it is taken in, and how an answer says that its request came before.

Refuses to keep keys (see `intake.keys`).
"""

from __future__ import annotations

from typing import Annotated, Final

from django.http import HttpRequest, HttpResponse
from ninja import Header

NAME: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
Key = Annotated[
    str,
    Header(
        alias=NAME,
        max_length=200,
        description="Your own name for this request: however often it is sent, it is done once.",
    ),
]


def given(request: HttpRequest, key: str) -> str | None:
    """The key, which may not be blank; None for a request that has none."""
    return key if NAME in request.headers else None


def answer(text: str, where: str, *, status: int = 201, repeated: bool = False) -> HttpResponse:
    """JSON that was told of what is at that address, now or when the key came first."""
    made = HttpResponse(text, content_type="application/json; charset=utf-8", status=status)
    made.headers["Location"] = where
    if repeated:
        made.headers[REPLAYED] = "true"
    return made
