"""Only `orchestra.moves` changes a state; nobody else assigns one or updates one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import PRODUCT, breaches, called, planted

MOVES = "orchestra/moves.py"
STATE_IN_SQL = re.compile(r"\bset\b(?:(?!\bwhere\b|\bfrom\b|;).)*?\bstate\b\s*=", re.IGNORECASE | re.DOTALL)


def state_changes(path: str, tree: ast.Module) -> Iterator[str]:
    """Places that change a `state` by assignment, queryset or SQL."""
    if path == MOVES:
        return
    for node in ast.walk(tree):
        if assigns_state(node) or updates_state(node) or sets_state_in_sql(node):
            assert isinstance(node, ast.stmt | ast.expr)
            yield f"{path}:{node.lineno}: changes a state; only orchestra.moves does that, with reason and event"


def assigns_state(node: ast.AST) -> bool:
    """`row.state = ...`, also as one of several targets, and `setattr(row, "state", ...)`."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        return any(isinstance(part, ast.Attribute) and part.attr == "state" for part in parts)
    if isinstance(node, ast.Call) and called(node.func) == "setattr" and len(node.args) > 1:
        return names_state(node.args[1])
    return False


def updates_state(node: ast.AST) -> bool:
    """`.update(state=...)`, `.bulk_update(rows, ["state"])` and their like."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr in {"update", "aupdate"}:
        return any(keyword.arg == "state" for keyword in node.keywords)
    if node.func.attr in {"bulk_update", "abulk_update"}:
        return any(names_state(part) for part in ast.walk(node))
    return False


def names_state(node: ast.AST) -> bool:
    """The literal "state"."""
    return isinstance(node, ast.Constant) and node.value == "state"


def sets_state_in_sql(node: ast.AST) -> bool:
    """A text like `UPDATE orchestra_run SET fence = 1, state = ...`."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(STATE_IN_SQL.search(node.value))
    )


def test_only_moves_changes_a_state() -> None:
    assert breaches(state_changes, PRODUCT) == []


def test_planted_state_changes_are_found() -> None:
    assert planted(state_changes, "run.state = 'failed'")
    assert planted(state_changes, "run.fence, run.state = 1, 'failed'")
    assert planted(state_changes, "setattr(run, 'state', 'failed')")
    assert planted(state_changes, "Run.objects.filter(pk=1).update(fence=1, state='failed')")
    assert planted(state_changes, "Run.objects.bulk_update(rows, fields=['state'])")
    assert planted(state_changes, "cursor.execute('UPDATE orchestra_run SET fence = 2,\\n state = %s')")


def test_reading_a_state_is_no_change() -> None:
    assert not planted(state_changes, "found = run.state == 'failed'")
    assert not planted(state_changes, "sql = 'UPDATE orchestra_run SET fence = 2 WHERE state = %s'")
    assert not planted(state_changes, "Run.objects.filter(state='failed').update(fence=1)")
    assert not planted(state_changes, "run.state = 'failed'", MOVES)
