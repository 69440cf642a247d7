"""What the tests of operations share."""

from __future__ import annotations

import pytest

from orchestra.metrics import readiness


@pytest.fixture(autouse=True)
def _nothing_is_kept_from_the_test_before() -> None:
    readiness.recent.forget()
