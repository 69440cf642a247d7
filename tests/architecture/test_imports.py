"""Imports stand at the top, pure modules stay pure, and every module has its place in the order of layers."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator

from tests.architecture.sources import CODE, ROOT, breaches, module_name, modules, planted

OWN = ("orchestra", "reviews", "bench", "examples", "tests")

# Plain data in, plain data out: nothing here knows of Django, of the database or of the network.
PURE = {
    "orchestra.agents.border",
    "orchestra.agents.chat",
    "orchestra.agents.departures",
    "orchestra.agents.recorded",
    "orchestra.agents.recordings",
    "orchestra.agents.scripted",
    "orchestra.agents.trouble",
    "orchestra.audit.chain",
    "orchestra.audit.export",
    "orchestra.audit.faults",
    "orchestra.audit.merkle",
    "orchestra.audit.sealed",
    "orchestra.audit.signatures",
    "orchestra.audit.verify",
    "orchestra.audit.walk",
    "orchestra.canonical",
    "orchestra.contracts",
    "orchestra.documents.envelopes",
    "orchestra.documents.quantities",
    "orchestra.documents.report",
    "orchestra.documents.yamldoc",
    "orchestra.errors",
    "orchestra.expressions",
    "orchestra.lookups",
    "orchestra.needs",
    "orchestra.people.duties",
    "orchestra.policies.build",
    "orchestra.policies.cases",
    "orchestra.policies.checks",
    "orchestra.policies.document",
    "orchestra.policies.globs",
    "orchestra.policies.judge",
    "orchestra.policies.origins",
    "orchestra.policies.parse",
    "orchestra.policies.requirements",
    "orchestra.policies.rulebook",
    "orchestra.policies.schema",
    "orchestra.policies.stored",
    "orchestra.policies.vocabulary",
    "orchestra.readings",
    "orchestra.schemas",
    "orchestra.states",
    "orchestra.tools.checks",
    "orchestra.tools.declarations",
    "orchestra.tools.observing",
    "orchestra.tools.parse",
    "orchestra.tools.redaction",
    "orchestra.tools.rendering",
    "orchestra.tools.replies",
    "orchestra.tools.schema",
    "orchestra.tools.sentences",
    "orchestra.tools.stored",
    "orchestra.tools.templates",
    "orchestra.unseen",
    "orchestra.instants",
    "orchestra.workflows.build",
    "orchestra.workflows.checks",
    "orchestra.workflows.ends",
    "orchestra.workflows.facts",
    "orchestra.workflows.graph",
    "orchestra.workflows.parse",
    "orchestra.workflows.schema",
    "orchestra.workflows.scopes",
    "orchestra.workflows.shape",
    "orchestra.workflows.spec",
    "orchestra.workflows.stored",
    "reviews.replay.dataset",
    "reviews.replay.differences",
    "reviews.replay.outcomes",
    "reviews.replay.report",
    "reviews.replay.verdict",
    "reviews.replay.world",
}
PURE_LIBRARIES = {"cel", "cryptography", "jsonschema_rs", "yaml"}
IMPURE_STANDARD = {
    "http",
    "os",
    "random",
    "requests",
    "socket",
    "sqlite3",
    "subprocess",
    "time",
    "urllib.request",
}


def imported(node: ast.AST) -> list[str]:
    """Full names that an import statement may bind; for `from a import b` both `a` and `a.b`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def own_imports_in_functions(path: str, tree: ast.Module) -> Iterator[str]:
    """Imports of our own code below the top of the module."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            relative = isinstance(node, ast.ImportFrom) and node.level
            if relative or any(name.split(".")[0] in OWN for name in imported(node)):
                assert isinstance(node, ast.Import | ast.ImportFrom)
                yield f"{path}:{node.lineno}: import of our own code inside {function.name}"


def impure_imports(path: str, tree: ast.Module) -> Iterator[str]:
    """What a pure module imports besides pure modules, pure libraries and the pure part of the standard library."""
    if module_name(path) not in PURE:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = imported(node)[1:] if node.module in {"orchestra", *packages_of_pure()} else [node.module]
        else:
            names = imported(node)
        for name in names:
            if not is_pure(name):
                yield f"{path}: a pure module imports {name}"


def packages_of_pure() -> set[str]:
    """Packages that pure modules live in, such as orchestra.workflows."""
    return {name.rpartition(".")[0] for name in PURE}


def is_pure(name: str) -> bool:
    """Whether a pure module may import this name."""
    top = name.split(".")[0]
    if top in OWN:
        return name in PURE
    return top in PURE_LIBRARIES or (top in sys.stdlib_module_names and not {top, name} & IMPURE_STANDARD)


def placed_in_layers(contract: list[str]) -> set[str]:
    """The module names of an import-linter contract."""
    return set(re.findall(r"[a-z_][a-z_.]*", " ".join(contract)))


def layers() -> list[str]:
    """The order as pyproject.toml has it, top first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(list(contract["layers"]) for contract in contracts if contract["id"] == "layers")


def test_no_function_imports_our_own_code() -> None:
    assert breaches(own_imports_in_functions, CODE) == []


def test_pure_modules_import_only_what_is_pure() -> None:
    assert breaches(impure_imports, ("orchestra/",)) == []


def test_every_module_of_orchestra_has_a_layer() -> None:
    found = {".".join(module_name(path).split(".")[:2]) for path in modules(("orchestra/",))} - {"orchestra"}
    assert found - placed_in_layers(layers()) == set(), "add these to the layers in pyproject.toml"


def test_a_planted_import_inside_a_function_is_found() -> None:
    inside = "class A:\n  def f(self):\n    if 1:\n      {}\n"
    assert planted(own_imports_in_functions, inside.format("from orchestra.engine import advance"))
    assert planted(own_imports_in_functions, inside.format("import reviews.queue"))
    assert planted(own_imports_in_functions, inside.format("from . import graph"))
    assert not planted(own_imports_in_functions, inside.format("import json"))
    assert not planted(own_imports_in_functions, "from orchestra import moves")


def test_a_planted_impure_import_is_found() -> None:
    graph = "orchestra/workflows/graph.py"
    assert planted(impure_imports, "from django.db import models", graph)
    assert planted(impure_imports, "from orchestra import models", graph)
    assert planted(impure_imports, "from orchestra.workflows import publishing", graph)
    assert planted(impure_imports, "def f():\n  import time", graph)
    assert not planted(impure_imports, "from orchestra.workflows.spec import Step", graph)
    assert not planted(impure_imports, "from orchestra import errors, states\nimport json", graph)


def test_a_module_without_a_layer_would_be_found() -> None:
    assert placed_in_layers(["(orchestra.wsgi) : (orchestra.urls)", "reviews"]) == {
        "orchestra.wsgi",
        "orchestra.urls",
        "reviews",
    }
