"""Waits for what a test expects, generously: a slow machine is no failure. Never asserts that something is fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], *, within: float = 30.0, what: str = "") -> Found:
    """The first true answer of `look`; AssertionError when there is none within so many seconds."""
    end = time.monotonic() + within
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what or 'what was waited for'}")
        time.sleep(0.02)
