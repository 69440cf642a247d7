"""Draws that come out the same for whoever makes them: from names and bytes, not from a generator. Pure."""

from __future__ import annotations

from hashlib import sha256


def draw(*parts: bytes) -> float:
    """A number in [0, 1) that hangs on these bytes alone, spread evenly."""
    return int.from_bytes(sha256(b"".join(parts)).digest()[:6]) / 2**48
