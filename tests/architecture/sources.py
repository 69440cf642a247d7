"""Finds and parses the repository's own files for the architecture tests. Reads only; runs none of the code."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("orchestra/", "reviews/", "manage.py")
CODE = (*PRODUCT, "bench/", "examples/", "tests/", ".ci/")
GENERATED = "/migrations/"

# A guard reads one module (its path in the repository, its tree) and yields a line for every breach.
Guard = Callable[[str, ast.Module], Iterator[str]]


@cache
def tracked() -> tuple[str, ...]:
    """Paths of all files that are, or are about to be, in git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for path in listed.splitlines() if (ROOT / path).is_file())


def modules(folders: tuple[str, ...]) -> list[str]:
    """Python files below the folders, migrations left out."""
    return [
        path
        for path in tracked()
        if path.endswith(".py") and path.startswith(folders) and GENERATED not in path
    ]


@cache
def parsed(path: str) -> ast.Module:
    """The tree of one file of the repository."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)


def breaches(guard: Guard, folders: tuple[str, ...]) -> list[str]:
    """What a guard finds in all modules below the folders."""
    return [breach for path in modules(folders) for breach in guard(path, parsed(path))]


def planted(guard: Guard, source: str, path: str = "orchestra/planted.py") -> list[str]:
    """What a guard finds in a text, as if it were the module at `path`."""
    return list(guard(path, ast.parse(source)))


def called(node: ast.expr) -> str:
    """The last name of what is called: `a.b.update(...)` gives `update`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def module_name(path: str) -> str:
    """`orchestra/models/__init__.py` gives `orchestra.models`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
