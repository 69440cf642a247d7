"""Stands in for the web where the demo is tested without Django: ready at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer every request with 200."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ready"]
