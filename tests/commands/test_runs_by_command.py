"""The commands as an operator types them: what they print, and how they refuse."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import override_settings

from orchestra.models import HumanTask, IdempotencyKey, Person, Run, WorkflowVersion
from orchestra.people import persons
from tests.databases import Database

ASK = """
kind: workflow
name: asking
spec:
  owner: operators
  steps:
    ask: {kind: human, title: "Go on?", form: {type: object, required: [ok], properties: {ok: {type: boolean}}}}
"""


def said(*arguments: str) -> str:
    """What a command prints."""
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def ann(database: Database) -> Iterator[Person]:
    with override_settings(STEP_FUNCTIONS=["examples.steps"]):
        yield persons.add(name="ann", full_name="Ann", groups=["operators"], password=None)


@pytest.fixture
def asking(ann: Person, tmp_path: Path) -> str:
    path = tmp_path / "asking.yaml"
    path.write_text(ASK)
    said("publish", str(path), "--as", "ann")
    return "asking"


def submitted(workflow: str) -> Run:
    """A run that was submitted by command."""
    return Run.objects.get(uid=said("submit", workflow, "--as", "ann").strip())


def test_publishing_twice_says_unchanged(asking: str, tmp_path: Path) -> None:
    assert "unchanged" in said("publish", str(tmp_path / "asking.yaml"), "--as", "ann")
    assert WorkflowVersion.objects.count() == 1


def test_every_problem_of_a_file_is_told_with_its_line(ann: Person, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(ASK.replace("owner: operators", "owner: nobody").replace("kind: human", "kind: humane"))
    with pytest.raises(CommandError) as refused:
        said("publish", str(path), "--as", "ann")
    lines = str(refused.value).splitlines()
    assert len(lines) >= 1
    assert all(line.startswith(f"{path}: line ") for line in lines)
    assert WorkflowVersion.objects.count() == 0


def test_publishing_as_nobody_says_how_to_add_a_person(ann: Person, tmp_path: Path) -> None:
    path = tmp_path / "asking.yaml"
    path.write_text(ASK)
    with pytest.raises(CommandError, match="person add bob"):
        said("publish", str(path), "--as", "bob")


def test_submitted_run_is_listed_and_shown(asking: str) -> None:
    run = submitted(asking)
    assert str(run.uid) in said("run", "list", "--workflow", asking)
    assert "born > queued" in said("run", "show", str(run.uid))


def test_unknown_workflow_and_broken_input_are_refused_in_words(asking: str) -> None:
    with pytest.raises(CommandError, match="not deployed in dev"):
        said("submit", "nothing", "--as", "ann")
    with pytest.raises(CommandError):
        said("submit", asking, "--as", "ann", "--input", "{broken")
    with pytest.raises(CommandError, match="more than once"):
        said("submit", asking, "--as", "ann", "--input", '{"a": 1, "a": 2}')


def test_same_key_gives_the_same_run(asking: str) -> None:
    first, second = (said("submit", asking, "--as", "ann", "--key", "k1") for _ in range(2))
    assert first == second
    with pytest.raises(CommandError, match="came before with another body"):
        said("submit", asking, "--as", "ann", "--key", "k1", "--input", '{"more": true}')
    with pytest.raises(CommandError, match="not blank"):
        said("submit", asking, "--as", "ann", "--key", "  ")


def test_run_that_never_started_is_cancelled_at_once_and_only_once(asking: str) -> None:
    run = submitted(asking)
    assert said("run", "cancel", str(run.uid), "--as", "ann").strip() == f"{run.uid} cancelled"
    with pytest.raises(CommandError, match="already cancelled"):
        said("run", "cancel", str(run.uid), "--as", "ann")


def test_ended_run_is_forked_and_its_checkpoint_checked(asking: str) -> None:
    run = submitted(asking)
    said("run", "cancel", str(run.uid), "--as", "ann")
    made = said("run", "fork", str(run.uid), "--from", "0", "--as", "ann").strip()
    assert Run.objects.get(uid=made).forked_from == run
    with pytest.raises(CommandError, match="checkpoints"):
        said("run", "fork", str(run.uid), "--from", "7", "--as", "ann")


def test_unknown_run_and_question_are_told(ann: Person) -> None:
    for arguments in (("run", "show"), ("run", "cancel", "--as", "ann"), ("halt", "lift", "--as", "ann")):
        verb, sub, *rest = arguments
        more = ["--reason", "x"] if verb == "halt" else []
        with pytest.raises(CommandError, match="There is no"):
            said(verb, sub, str(uuid4()), *rest, *more)
    with pytest.raises(CommandError, match="There is no question"):
        said("question", "answer", str(uuid4()), "--as", "ann", "--values", "{}")


def test_halt_is_set_listed_and_lifted(asking: str) -> None:
    uid = said("halt", "on", "--everything", "--as", "ann", "--reason", "fire drill").split()[0]
    assert "fire drill" in said("halt", "list")
    with pytest.raises(CommandError, match="on already"):
        said("halt", "on", "--everything", "--as", "ann", "--reason", "again")
    assert "lifted" in said("halt", "lift", uid, "--as", "ann", "--reason", "over")
    assert said("halt", "list") == ""


def test_halt_of_a_deployment_that_is_not_there_is_refused(ann: Person) -> None:
    with pytest.raises(CommandError, match="WORKFLOW@ENVIRONMENT"):
        said("halt", "on", "--deployment", "asking", "--as", "ann", "--reason", "x")
    with pytest.raises(CommandError, match="not deployed"):
        said("halt", "on", "--deployment", "asking@dev", "--as", "ann", "--reason", "x")


def test_people_and_groups_are_added_and_listed(ann: Person) -> None:
    assert said("person", "group", "night-shift").strip() == "night-shift added"
    said("person", "add", "ben", "--group", "night-shift", "--no-password")
    assert "night-shift" in said("person", "list")
    with pytest.raises(CommandError, match="already"):
        said("person", "add", "ben", "--no-password")
    with pytest.raises(CommandError, match="There is no group day-shift"):
        said("person", "add", "cy", "--group", "day-shift", "--no-password")


def test_open_questions_are_listed(asking: str) -> None:
    assert said("question", "list") == ""
    assert HumanTask.objects.count() == 0


def test_names_and_priority_out_of_bounds_are_refused_in_words(asking: str) -> None:
    with pytest.raises(CommandError, match="priority"):
        said("submit", asking, "--as", "ann", "--priority", "32767")
    with pytest.raises(CommandError, match="subject"):
        said("submit", asking, "--as", "ann", "--subject", "x" * 201)


def test_key_is_forgotten_after_its_seven_days(asking: str) -> None:
    first = said("submit", asking, "--as", "ann", "--key", "k1")
    IdempotencyKey.objects.update(expires_at=Now())
    assert said("submit", asking, "--as", "ann", "--key", "k1") != first
