"""The stage of the engine's tests, for commands."""

from __future__ import annotations

from tests.engine.conftest import seen, shared

__all__ = ["seen", "shared"]
