"""The database that the tests of one module share, as in tests/database."""

from __future__ import annotations

from tests.database.conftest import shared

__all__ = ["shared"]
