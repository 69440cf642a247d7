"""Signs messages as Standard Webhooks 1.0 does: HMAC-SHA256 over id, time and body. Pure.

Refuses secrets that are too short to protect anything; what it says of them never holds them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from orchestra.edge.secrets import Secret
from orchestra.errors import Invalid

PREFIX: Final = "whsec_"
#: Bytes, as Standard Webhooks asks for.
SHORTEST, LONGEST = 24, 64


def keys(secret: Secret) -> list[bytes]:
    """The signing keys in a secret: `whsec_` and base64, several with spaces between while one takes over.

    Raises Invalid for anything else.
    """
    words = secret.reveal().split()
    found = [_key(word) for word in words]
    if not found:
        raise Invalid("The signing secret is empty.")
    return found


def sign(keys: list[bytes], *, message: str, moment: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each key."""
    signed = f"{message}.{moment}.".encode() + body
    return " ".join(f"v1,{_hmac(key, signed)}" for key in keys)


def _hmac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(word: str) -> bytes:
    try:
        key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not word.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise Invalid(
            f"The signing secret must read {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64; "
            "several have a space between them."
        )
    return key
