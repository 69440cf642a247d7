"""Functions and files stay small enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.sources import CODE, ROOT, breaches, modules, planted

LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def long_functions(path: str, tree: ast.Module) -> Iterator[str]:
    """Functions over the ceiling, counted from `def` to their last line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {LONGEST_FUNCTION}"


def long_file(path: str, text: str) -> Iterator[str]:
    """The file itself, when it is over the ceiling."""
    lines = len(text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{path}: {lines} lines, at most {LONGEST_FILE}: split it by what its parts own"


def test_no_function_is_longer_than_its_ceiling() -> None:
    assert breaches(long_functions, CODE) == []


def test_no_file_is_longer_than_its_ceiling() -> None:
    texts = ((path, (ROOT / path).read_text(encoding="utf-8")) for path in modules(CODE))
    assert [breach for path, text in texts for breach in long_file(path, text)] == []


def test_a_planted_long_function_is_found() -> None:
    body = "    x = 1\n"
    assert not planted(long_functions, "def f():\n" + body * (LONGEST_FUNCTION - 1))
    assert planted(long_functions, "class A:\n async def f():\n" + body * LONGEST_FUNCTION)


def test_a_planted_long_file_is_found() -> None:
    assert not list(long_file("a.py", "x = 1\n" * LONGEST_FILE))
    assert list(long_file("a.py", "x = 1\n" * (LONGEST_FILE + 1)))
