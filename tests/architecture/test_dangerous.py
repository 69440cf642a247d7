"""Product code keeps away from what turns text into markup, code or objects, unless it is listed here with a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.sources import PRODUCT, breaches, planted

NAMES = {
    "mark_safe",
    "SafeString",
    "csrf_exempt",
    "eval",
    "exec",
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
}
YAML_LOADERS = {"Loader", "UnsafeLoader", "FullLoader", "unsafe_load", "full_load"}

# path -> (name, why it is safe there)
ALLOWED: dict[str, set[tuple[str, str]]] = {}


def dangerous_names(path: str, tree: ast.Module) -> Iterator[str]:
    """Every use of a dangerous name: imported, called or read from a module."""
    allowed = {name for name, _ in ALLOWED.get(path, set())}
    for node in ast.walk(tree):
        for name in named_by(node):
            if name in NAMES | YAML_LOADERS and name not in allowed:
                yield f"{path}:{getattr(node, 'lineno', 0)}: uses {name}"


def named_by(node: ast.AST) -> list[str]:
    """Names that a node mentions."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
    return []


def test_no_product_code_uses_a_dangerous_name() -> None:
    assert breaches(dangerous_names, PRODUCT) == []


def test_every_allowance_is_still_needed() -> None:
    unneeded = set(ALLOWED) - {line.split(":")[0] for line in breaches(all_names, PRODUCT)}
    assert unneeded == set()


def all_names(path: str, tree: ast.Module) -> Iterator[str]:
    """Every use of a dangerous name, allowed or not."""
    for node in ast.walk(tree):
        if set(named_by(node)) & (NAMES | YAML_LOADERS):
            yield f"{path}:"


def test_planted_dangers_are_found() -> None:
    assert planted(dangerous_names, "from django.utils.safestring import mark_safe")
    assert planted(dangerous_names, "@csrf_exempt\ndef view(request): ...")
    assert planted(dangerous_names, "import pickle")
    assert planted(dangerous_names, "from pickle import loads")
    assert planted(dangerous_names, "x = eval('1')")
    assert planted(dangerous_names, "yaml.load(text, Loader=yaml.UnsafeLoader)")
    assert not planted(dangerous_names, "yaml.safe_load(text)\nevaluate(x)\nredis.evalsha(x)")
