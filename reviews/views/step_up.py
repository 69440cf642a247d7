"""Proof that it is the person, now: a fresh sign-in that was asked for one digest. A proof for another one does not count.

The challenge is kept in the session; allauth takes the password, code or passkey and writes down when.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from orchestra.canonical import Json
from orchestra.errors import NotAllowed

KEY: Final = "step_up"
#: Seconds that a proof holds.
HOLDS: Final = 300


def authentication(request: HttpRequest, digest: str, token: str = "") -> dict[str, Json]:
    """How the person is signed in, as it is kept with a vote; with the proof for this digest, if there is one."""
    records = get_authentication_records(request, request.user)
    found: dict[str, Json] = _told(records[-1]) if records else {"method": "session"}
    if token:
        found["form"] = token
    if (proof := proven(request, digest)) is not None:
        found["step_up"] = {**_told(proof), "digest": digest}
    return found


def proven(request: HttpRequest, digest: str) -> Mapping[str, Any] | None:
    """The fresh sign-in that answers the challenge for this digest, while it holds."""
    challenge = request.session.get(KEY)
    if not isinstance(challenge, dict) or challenge.get("digest") != digest:
        return None
    since = max(float(challenge["asked"]), time.time() - HOLDS)
    records = get_authentication_records(request, request.user)
    fresh = [each for each in records if each.get("reauthenticated") and each["at"] >= since]
    return fresh[-1] if fresh else None


def challenge(request: HttpRequest, digest: str, *, back: str) -> str:
    """Ask for a fresh sign-in for this digest; the address of the page that takes it, which leads back.

    Raises NotAllowed for an account that has nothing to sign in with again.
    """
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise NotAllowed(
            "This asks for a fresh sign-in, and your account has neither a password nor a second factor. Add one under your name."
        )
    request.session[KEY] = {"digest": digest, "asked": time.time()}
    return f"{methods[0]['url']}?{urlencode({'next': back})}"


def used(request: HttpRequest) -> None:
    """One proof, one decision."""
    request.session.pop(KEY, None)


def _told(record: Mapping[str, Any]) -> dict[str, Json]:
    kind = f" ({record['type']})" if record.get("type") else ""
    at = float(record["at"])
    return {
        "method": f"{record['method']}{kind}",
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "age": max(0, round(time.time() - at)),
    }
