"""Documents that repeat code are written from it, and the gate says which no longer fit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from orchestra import states
from orchestra.management.commands import docs

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["openapi.json", "permission-matrix.md", "policy.schema.json", "states.md", "workflow.schema.json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with fresh documents."""
    call_command("docs", folder=tmp_path)
    return tmp_path


def test_the_documents_of_this_checkout_fit_without_any_database() -> None:
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "manage.py", "docs", "--check"],
        cwd=ROOT,
        env=nowhere,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_fresh_documents_fit(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    call_command("docs", check=True, folder=folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_document_is_named_with_the_remedy(folder: Path, name: str) -> None:
    with (folder / name).open("a") as file:
        file.write("\n")
    with pytest.raises(CommandError, match=rf"^{re.escape(name)} in .* Run manage.py docs\.$"):
        call_command("docs", check=True, folder=folder)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"permission-matrix\.md, policy\.schema\.json, states\.md, workflow\.schema\.json"
    ):
        call_command("docs", check=True, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_state_and_move_is_drawn_and_said() -> None:
    text = docs.states_document()
    for machine in states.MACHINES.values():
        part = text.split(f"\n## {machine.name}\n")[1].split("\n## ")[0]
        drawn = re.findall(r"^    (\w+) --> (\w+)$", part, re.MULTILINE)
        told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .+ \|$", part, re.MULTILINE)
        assert drawn == told == machine.pairs()
        ends = set(re.findall(r"^\| `(\w+)` \| .+ \| yes \|$", part, re.MULTILINE))
        assert ends == machine.terminal == set(re.findall(r"^    (\w+) --> \[\*\]$", part, re.MULTILINE))
