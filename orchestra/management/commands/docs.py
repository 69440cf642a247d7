"""`manage.py docs [--check]`: writes the documents that repeat code, or says which no longer fit.

Refuses to need a database: the gate runs it on a machine without one.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_resolver

from orchestra import states
from orchestra.api import docs
from orchestra.policies import schema as policies
from orchestra.states import Machine
from orchestra.views.doors import matrix
from orchestra.workflows import schema

COMMAND = "manage.py docs"
STATES_HEAD = f"""\
# States

Every state machine, drawn from `orchestra/states.py` by `{COMMAND}`. Do not edit.

Only `orchestra/moves.py` changes a state: from the state that it read, to one of those below, with a reason and an
audit event in the same transaction. Triggers in the database refuse every other way.
"""


class Command(BaseCommand):
    """Writes the states, the matrix of permissions and the JSON Schemas of files."""

    help = "Write the generated documents anew, or compare them with --check."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--check and --folder."""
        parser.add_argument("--check", action="store_true", help="only compare; fail when one differs")
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "docs", help="where they are")

    def handle(self, *args: Any, check: bool, folder: Path, **options: Any) -> None:
        """CommandError, naming file and remedy, when --check finds a difference."""
        old = [name for name, text in _documents() if not _holds(folder / name, text)]
        if check and old:
            raise CommandError(f"{', '.join(old)} in {folder.name}/ no longer fit the code. Run {COMMAND}.")
        for name, text in _documents():
            if name in old:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
                self.stdout.write(f"wrote {folder.name}/{name}")
        if not old:
            self.stdout.write("all generated documents fit the code")


def _documents() -> Iterator[tuple[str, str]]:
    for name, make in DOCUMENTS.items():
        yield name, make()


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def states_document() -> str:
    """The whole of docs/states.md, in Markdown."""
    return "\n".join([STATES_HEAD, *(_machine(machine) for machine in states.MACHINES.values())])


def schema_document() -> str:
    """The JSON Schema of a workflow file."""
    return _json(schema.document())


def policy_document() -> str:
    """The JSON Schema of a policy file."""
    return _json(policies.document())


def api_document() -> str:
    """The description of the HTTP API, with all operations: the root of the addresses adds those of reviews."""
    return docs.text() if get_resolver().url_patterns else ""


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _machine(machine: Machine) -> str:
    parts = (_heading(machine), _drawing(machine), _states(machine), _moves(machine))
    return "\n".join(line for part in parts for line in part)


def _heading(machine: Machine) -> Iterator[str]:
    births = ", ".join(f"`{state}`" for state in machine.births)
    yield from (f"## {machine.name}", "", f"Table `{machine.table}`. Born as {births}.", "")


def _drawing(machine: Machine) -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2")
    yield from (f"    [*] --> {state}" for state in machine.births)
    yield from (f"    {source} --> {target}" for source, target in machine.pairs())
    yield from (f"    {state} --> [*]" for state in machine.states if state in machine.terminal)
    yield from ("```", "")


def _states(machine: Machine) -> Iterator[str]:
    yield from ("| state | meaning | terminal |", "|---|---|---|")
    for state, meaning in machine.states.items():
        mark = " yes" if state in machine.terminal else ""
        yield f"| `{state}` | {_cell(meaning)} |{mark} |"
    yield ""


def _moves(machine: Machine) -> Iterator[str]:
    yield from ("| from | to | when |", "|---|---|---|")
    for source, target in machine.pairs():
        yield f"| `{source}` | `{target}` | {_cell(machine.moves[source][target])} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


DOCUMENTS: dict[str, Callable[[], str]] = {
    "openapi.json": api_document,
    "permission-matrix.md": matrix.document,
    "policy.schema.json": policy_document,
    "states.md": states_document,
    "workflow.schema.json": schema_document,
}
