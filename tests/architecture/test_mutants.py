"""The list of mutants fits the code: each changes what is there, once, and names tests that are there."""

from __future__ import annotations

import pytest

from tests.mutants.guards import ALL
from tests.mutants.mutant import ROOT, Mutant


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_mutant_changes_what_is_there(mutant: Mutant) -> None:
    assert [change.occurs() for change in mutant.changes] == [1] * len(mutant.changes)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_mutant_names_tests_that_are_there(mutant: Mutant) -> None:
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists()
        assert not name or f"def {name}(" in (ROOT / path).read_text()
