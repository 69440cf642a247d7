"""Modules are nouns that own something, and say at their top what that is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.sources import CODE, PRODUCT, breaches, modules, planted

SAYS_NOTHING = {
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "service",
    "services",
    "util",
    "utils",
}
LONGEST_DOCSTRING = 3


def empty_name(path: str) -> bool:
    """Whether a part of the path is a name that could hold anything."""
    return bool(
        {part.removesuffix(".py").strip("_").rstrip("0123456789") for part in PurePosixPath(path).parts}
        & SAYS_NOTHING
    )


def docstring_breaches(path: str, tree: ast.Module) -> Iterator[str]:
    """A module without a docstring, or with a long one. A file without any code needs none."""
    if not tree.body:
        return
    text = ast.get_docstring(tree)
    if text is None:
        yield f"{path}:1: no docstring that says what the module owns and what it refuses"
        return
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > LONGEST_DOCSTRING:
        yield f"{path}:1: the docstring has {len(lines)} lines, at most {LONGEST_DOCSTRING}"


def test_no_module_has_a_name_that_could_hold_anything() -> None:
    assert [path for path in modules((*PRODUCT, "bench/", "examples/")) if empty_name(path)] == []


def test_every_module_says_what_it_owns() -> None:
    assert breaches(docstring_breaches, CODE) == []


def test_planted_empty_names_are_found() -> None:
    assert empty_name("orchestra/utils.py")
    assert empty_name("orchestra/helpers/times.py")
    assert empty_name("reviews/manager2.py")
    assert not empty_name("orchestra/engine/submit.py")


def test_planted_docstrings_are_found() -> None:
    assert planted(docstring_breaches, "x = 1")
    assert planted(docstring_breaches, '"""One.\n\nTwo.\nThree.\nFour.\n"""')
    assert not planted(docstring_breaches, '"""One.\n\nTwo.\nThree.\n"""')
    assert not planted(docstring_breaches, "")
