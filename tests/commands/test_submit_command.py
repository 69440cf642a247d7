"""manage.py submit: prints the run, waits for it when asked to, and says in words what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from orchestra.models import Run, Task
from tests.commands.typed import refused, typed
from tests.conftest import ROOT
from tests.engine.functions import Seen
from tests.engine.stage import Stage
from tests.waiting import until

STEPS = "a: {kind: python, function: t.echo}"
INPUT = """
    input:
      type: object
      required: [name, size]
      additionalProperties: false
      properties: {name: {type: string}, size: {type: integer}}
"""


def test_prints_the_id_of_the_run(shared: Stage) -> None:
    found = typed("submit", shared.publish(STEPS), "--as", "olga", "--input", '{"x": 1}')
    assert found.code == 0
    (uid,) = found.lines
    assert Run.objects.get(uid=uid).input == {"x": 1}


def test_labels_come_with_the_task(shared: Stage) -> None:
    labels = ["--label", "world=w-1", "--label", "channel=a=b"]
    found = typed("submit", shared.publish(STEPS), "--as", "olga", *labels)
    assert Run.objects.get(uid=found.lines[0]).task.labels == {"world": "w-1", "channel": "a=b"}
    assert "is no NAME=VALUE" in refused("submit", "x", "--as", "olga", "--label", "world")


def test_waits_for_the_end_when_asked_to(shared: Stage) -> None:
    found = typed("submit", shared.publish(STEPS), "--as", "olga", "--wait", "30")
    assert found.code == 0
    assert found.lines[1:] == ["succeeded"]


def test_run_that_fails_while_waited_for_ends_the_command_with_an_error(shared: Stage, seen: Seen) -> None:
    """A step that asks the owner keeps the command waiting; the answer comes from another terminal."""
    name = shared.publish("a: {kind: python, function: t.fail}")

    def answer() -> None:
        try:
            run = until(lambda: Run.objects.filter(deployment__workflow__name=name).first(), what="the run")
            until(lambda: shared.questions(run), what="the question")
            shared.answer(run, {"action": "fail"})
        finally:
            connection.close()

    other = threading.Thread(target=answer)
    other.start()
    found = typed("submit", name, "--as", "olga", "--wait", "30")
    other.join()
    assert found.code == 1
    assert "The run failed: a: RuntimeError: it cannot be done" in found.err


def test_run_that_takes_longer_than_the_wait_is_told_with_how_to_look_at_it(shared: Stage) -> None:
    found = typed("submit", shared.publish("a: {kind: wait, for: 1h}"), "--as", "olga", "--wait", "0.5")
    assert found.code == 1
    assert f"manage.py run show {found.lines[0]}" in found.err


def test_input_can_come_from_a_file(shared: Stage, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"x": [1, 2]}')
    found = typed("submit", shared.publish(STEPS), "--as", "olga", "--input", f"@{tmp_path / 'input.json'}")
    assert Run.objects.get(uid=found.lines[0]).input == {"x": [1, 2]}


def test_every_problem_of_the_input_has_a_line(shared: Stage) -> None:
    name = shared.publish(STEPS, more=INPUT)
    told = refused("submit", name, "--as", "olga", "--input", '{"size": "x", "more": 1}')
    assert len(told.strip().splitlines()) == 3
    assert "/size" in told


@pytest.mark.parametrize(
    "given", ["{", "[]", "nonsense", '{"x": 1, "x": 2}', '{"x": NaN}', "@/no/such/file", "@/"]
)
def test_input_that_cannot_be_read_is_told(shared: Stage, given: str) -> None:
    refused("submit", shared.publish(STEPS), "--as", "olga", "--input", given)


def test_input_larger_than_the_workflow_allows_is_told(shared: Stage) -> None:
    name = shared.publish(STEPS, more="limits: {payload: 10B}")
    assert "allows 10" in refused("submit", name, "--as", "olga", "--input", '{"x": "0123456789"}')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as", "nobody"], "There is no person nobody. Add one with: manage.py person add nobody"),
        (["--as", "\udcff"], "There is no person"),
        (["--as", "olga", "--environment", "prod"], "is not deployed in prod"),
        (["--as", "olga", "--priority", "101"], "101 is not between -100 and 100"),
        (["--as", "olga", "--priority", "high"], "--priority"),
        (["--as", "olga", "--count", "0"], "'0' is no number from 1"),
        (["--as", "olga", "--count", "-3"], "'-3' is no number from 1"),
        (["--as", "olga", "--count", "2", "--key", "k"], "one key is one task"),
        (["--as", "olga", "--key", " "], "not blank"),
        (["--as", "olga", "--subject", "x" * 201], "At most 200 characters"),
        ([], "--as"),
    ],
)
def test_what_is_wrong_is_said_in_words(shared: Stage, arguments: list[str], said: str) -> None:
    before = Task.objects.count()
    assert said in refused("submit", shared.publish(STEPS), *arguments)
    assert Task.objects.count() == before


def test_workflow_that_nobody_published_is_told() -> None:
    assert "Workflow nowhere is not deployed in dev." in refused("submit", "nowhere", "--as", "olga")


def test_same_key_prints_the_same_run_and_another_input_is_refused(shared: Stage) -> None:
    name = shared.publish(STEPS)
    first = typed("submit", name, "--as", "olga", "--key", "typed-1")
    assert typed("submit", name, "--as", "olga", "--key", "typed-1").lines == first.lines
    told = refused("submit", name, "--as", "olga", "--key", "typed-1", "--input", '{"x": 1}')
    assert "another body" in told


def test_many_can_be_submitted_at_once(shared: Stage) -> None:
    found = typed("submit", shared.publish(STEPS), "--as", "olga", "--count", "3")
    assert len(set(found.lines)) == 3


def test_real_process_exits_with_one_and_a_line(shared: Stage) -> None:
    environment = {**os.environ, **shared.database.environment()}
    found = subprocess.run(
        [sys.executable, "manage.py", "submit", "nowhere", "--as", "olga"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.strip() == "CommandError: Workflow nowhere is not deployed in dev."
