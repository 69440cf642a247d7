"""No Django signals: what happens after a call is written where the call is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.sources import PRODUCT, breaches, called, planted

# Modules whose names are signals; importing one from there is the start of a hidden flow.
HOMES = {"django.core.signals", "django.db.models.signals", "django.dispatch", "django.contrib.auth.signals"}


def signal_uses(path: str, tree: ast.Module) -> Iterator[str]:
    """Imports of signals, receivers, and connections of a receiver to a signal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in HOMES:
            yield f"{path}:{node.lineno}: imports from {node.module}"
        elif isinstance(node, ast.Call) and called(node.func) == "receiver":
            yield f"{path}:{node.lineno}: registers a signal receiver"
        elif isinstance(node, ast.Call) and connects_a_signal(node):
            yield f"{path}:{node.lineno}: connects a receiver to a signal"


def connects_a_signal(node: ast.Call) -> bool:
    """`post_save.connect(f)` or with a sender; a database's or a socket's `connect` has another shape."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "connect":
        return False
    if any(keyword.arg in {"sender", "dispatch_uid", "receiver", "weak"} for keyword in node.keywords):
        return True
    owner = called(node.func.value)
    return owner.startswith(("pre_", "post_", "m2m_", "request_")) or owner.endswith("_signal")


def test_no_product_code_uses_signals() -> None:
    assert breaches(signal_uses, PRODUCT) == []


def test_planted_signals_are_found() -> None:
    assert planted(signal_uses, "from django.db.models.signals import post_save")
    assert planted(signal_uses, "@receiver(post_save)\ndef f(**kwargs): ...")
    assert planted(signal_uses, "signals.post_save.connect(f)")
    assert planted(signal_uses, "decided.connect(f, sender=Proposal)")


def test_database_and_socket_connections_are_no_signals() -> None:
    assert not planted(signal_uses, "psycopg.connect(url)\nsocket.connect(address)")
