"""manage.py publish: says what became of each definition, or every problem with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra.models import Workflow
from tests.commands.typed import refused, typed
from tests.engine.stage import Stage, names, workflow

ECHO = "a: {kind: python, function: t.echo}"


@pytest.fixture
def name() -> str:
    return f"typed-{next(names)}"


def written(folder: Path, text: str | bytes, file: str = "workflow.yaml") -> str:
    path = folder / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_new_and_unchanged_versions_are_told_apart(shared: Stage, tmp_path: Path, name: str) -> None:
    file = written(tmp_path, workflow(name, ECHO))
    first = typed("publish", file, "--as", "olga")
    assert first.code == 0
    assert first.lines[0].startswith(f"workflow {name} v1 published in dev (")
    assert (
        typed("publish", file, "--as", "olga").lines[0].startswith(f"workflow {name} v1 unchanged in dev (")
    )


def test_several_files_and_documents_are_told_one_by_one(shared: Stage, tmp_path: Path, name: str) -> None:
    both = workflow(f"{name}-a", ECHO) + "---\n" + workflow(f"{name}-b", ECHO)
    files = [written(tmp_path, both, "one.yaml"), written(tmp_path, workflow(f"{name}-c", ECHO), "two.yaml")]
    found = typed("publish", *files, "--as", "olga", "--environment", "test")
    assert [line.split()[1] for line in found.lines] == [f"{name}-a", f"{name}-b", f"{name}-c"]


def test_every_problem_is_told_with_its_file_and_line_and_nothing_is_published(
    shared: Stage, tmp_path: Path, name: str
) -> None:
    bad = workflow(name, "a: {kind: python, function: t.nowhere}\nb: {kind: wait, needs: c}")
    file = written(tmp_path, workflow(f"{name}-good", ECHO) + "---\n" + bad)
    told = refused("publish", file, "--as", "olga").strip().splitlines()
    assert told[0].startswith(f"CommandError: {file}: line 13")
    assert all(line.startswith(f"{file}: line 14") for line in told[1:])
    assert len(told) == 3
    assert not Workflow.objects.filter(name__startswith=name).exists()


@pytest.mark.parametrize(
    "text", ["", "just text", "a: [", "kind: workflow", b"\xff\xfe", "kind: recipe\nname: x\nspec: {}"]
)
def test_file_that_is_no_definition_is_told(shared: Stage, tmp_path: Path, text: str | bytes) -> None:
    file = written(tmp_path, text)
    assert file in refused("publish", file, "--as", "olga")


def test_file_that_is_not_there_is_told(shared: Stage, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    assert f"{missing} cannot be read" in refused("publish", missing, "--as", "olga")
    assert "cannot be read" in refused("publish", str(tmp_path), "--as", "olga")


def test_nobody_can_publish_without_being_known(shared: Stage, tmp_path: Path, name: str) -> None:
    file = written(tmp_path, workflow(name, ECHO))
    assert "There is no person nobody" in refused("publish", file, "--as", "nobody")
    assert "--as" in refused("publish", file)
    assert not Workflow.objects.filter(name=name).exists()


def test_person_who_has_left_cannot_publish(shared: Stage, tmp_path: Path, name: str) -> None:
    leaver = shared.person([])
    leaver.active = False
    leaver.save()
    assert "not active" in refused("publish", written(tmp_path, workflow(name, ECHO)), "--as", leaver.name)
