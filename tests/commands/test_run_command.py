"""manage.py run and question: what runs do, why they wait, and how to go on."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from orchestra.models import Run
from tests.commands.typed import refused, typed
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again

ASK = "ask: {kind: human, title: 'Shall we?', form: {type: object, required: [yes]}}"


def test_list_shows_the_newest_first(shared: Stage) -> None:
    runs = [shared.play("a: {kind: python, function: t.echo}") for _ in range(2)]
    found = typed("run", "list", "--limit", "2")
    assert found.code == 0
    assert [line.split()[:2] for line in found.lines] == [
        [str(run.uid), "succeeded"] for run in reversed(runs)
    ]


def test_list_can_be_narrowed_to_a_state_and_a_workflow(shared: Stage) -> None:
    name = shared.publish("a: {kind: wait, for: 1h}")
    run = shared.rest(shared.submit(name))
    assert [
        line.split()[0] for line in typed("run", "list", "--state", "waiting", "--workflow", name).lines
    ] == [str(run.uid)]
    assert typed("run", "list", "--state", "failed", "--workflow", name).lines == []


@pytest.mark.parametrize("limit", ["0", "-1", "many", "99999999999"])
@pytest.mark.parametrize("command", ["run", "question"])
def test_limit_that_is_no_number_from_one_is_told(shared: Stage, command: str, limit: str) -> None:
    assert "is no number from 1" in refused(command, "list", "--limit", limit)


def test_show_tells_steps_questions_and_history(shared: Stage) -> None:
    run = shared.play(f"a: {{kind: python, function: t.echo}}\n{ASK}")
    found = typed("run", "show", str(run.uid))
    assert found.code == 0
    assert found.lines[0].startswith(f"run {run.uid}  waiting")
    assert any("a " in line and "succeeded" in line and "attempt 1" in line for line in found.lines)
    assert f"manage.py question answer {shared.question(run).uid}" in found.out
    assert "run: born > queued  submitted" in found.out


def test_show_tells_why_a_run_failed(shared: Stage) -> None:
    run = shared.play("a: {kind: python, function: t.fail}")
    shared.answer(run, {"action": "fail"})
    shared.rest(run)
    assert "bug: a: RuntimeError: it cannot be done" in typed("run", "show", str(run.uid)).out


@pytest.mark.parametrize(
    "verb", [["show"], ["cancel", "--as", "olga"], ["fork", "--from", "0", "--as", "olga"]]
)
def test_run_that_nobody_knows_and_id_that_is_none_are_told(shared: Stage, verb: list[str]) -> None:
    unknown = str(uuid4())
    assert f"There is no run {unknown}." in refused("run", *verb, unknown)
    assert "'nonsense' is no id." in refused("run", *verb, "nonsense")


def test_cancel_says_that_the_run_is_being_cancelled(shared: Stage) -> None:
    run = shared.play("a: {kind: wait, for: 1h}")
    found = typed("run", "cancel", str(run.uid), "--as", "olga", "--reason", "wrong customer")
    assert (found.code, found.lines) == (0, [f"{run.uid} is being cancelled"])
    assert shared.rest(run).state == "cancelled"
    assert "has already cancelled" in refused("run", "cancel", str(run.uid), "--as", "olga")


def test_cancel_of_a_run_that_nobody_began_says_that_it_is_over(shared: Stage) -> None:
    with shared.nobody_working():
        run = shared.start("a: {kind: python, function: t.echo}")
        found = typed("run", "cancel", str(run.uid), "--as", "olga")
    assert found.lines == [f"{run.uid} cancelled"]


def test_fork_prints_the_id_of_the_new_run(shared: Stage) -> None:
    run = shared.play("a: {kind: python, function: t.echo}")
    found = typed("run", "fork", str(run.uid), "--from", "1", "--as", "olga")
    made = Run.objects.get(uid=found.lines[0])
    assert (found.code, made.forked_from) == (0, run)
    assert "checkpoints 0 to 1, not 7" in refused("run", "fork", str(run.uid), "--from", "7", "--as", "olga")


def test_question_is_listed_and_answered(shared: Stage) -> None:
    run = shared.play(ASK)
    question = shared.question(run)
    listed = typed("question", "list", "--group", "operators")
    assert any(str(question.uid) in line and "Shall we?" in line for line in listed.lines)
    assert typed("question", "list", "--group", "auditors").lines == []
    found = typed("question", "answer", str(question.uid), "--values", '{"yes": true}', "--as", "olga")
    assert (found.code, found.lines) == (0, [f"{question.uid} answered"])
    assert shared.rest(run).state == "succeeded"


@pytest.mark.parametrize(
    ("values", "person", "said"),
    [
        ('{"no": 1}', "olga", "yes"),
        ("nonsense", "olga", "not JSON"),
        ('{"yes": 1}', "otto", "is not one of them"),
        ('{"yes": 1}', "nobody", "There is no person nobody"),
    ],
)
def test_answer_that_is_not_taken_says_why(shared: Stage, values: str, person: str, said: str) -> None:
    run = shared.play(ASK)
    uid = str(shared.question(run).uid)
    assert said in refused("question", "answer", uid, "--values", values, "--as", person)
    assert again(run).state == "waiting"


def test_second_answer_is_told(shared: Stage) -> None:
    run = shared.play(ASK)
    arguments = [
        "question",
        "answer",
        str(shared.question(run).uid),
        "--values",
        '{"yes": 1}',
        "--as",
        "olga",
    ]
    typed(*arguments)
    assert "has answered this" in refused(*arguments)


def test_escalation_can_be_settled_by_command(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.flaky, with: {key: a, failures: 1}}")
    values = json.dumps({"action": "retry", "note": "again"})
    typed("question", "answer", str(shared.question(run).uid), "--values", values, "--as", "olga")
    assert shared.rest(run).output == {"a": {"calls": 2}}
