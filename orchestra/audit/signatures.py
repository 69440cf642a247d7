"""Ed25519 keys of the sealer as text, signing and checking. Pure.

Needs the package `cryptography`; without it chains can still be checked, and seals are refused in words.
"""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    READY = True
except ImportError:  # the machine of an auditor who has only Python
    READY = False

LENGTH = 32


class BadKey(ValueError):
    """A key is missing or is no key; the message says what to do."""


def new_key() -> str:
    """A new secret key as text."""
    _ready()
    return b2a_base64(Ed25519PrivateKey.generate().private_bytes_raw(), newline=False).decode()


def key_bytes(text: str, *, name: str) -> bytes:
    """The 32 bytes of a key. Raises BadKey, naming where the text came from."""
    try:
        key = a2b_base64(text.strip(), strict_mode=True)
    except (NotBase64, ValueError):
        key = b""
    if len(key) != LENGTH:
        raise BadKey(f"{name} wants 32 bytes in base64; `manage.py audit key` makes a key")
    return key


def public_key(secret: bytes) -> bytes:
    """The public half of a secret key."""
    _ready()
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, message: bytes) -> bytes:
    """The signature (64 bytes)."""
    _ready()
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def genuine(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of the key signed the message."""
    _ready()
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ready() -> None:
    if not READY:
        raise BadKey("keys and seals need the package `cryptography`: install it, or leave the seals away")
