"""`manage.py doctor` is silent on a sound database, names what is planted in another, and changes neither."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from orchestra.doctor.examination import RULES
from tests.databases import Database, point_django_at
from tests.doctor.planted import CORRUPTIONS, Corruption


def doctor(*options: str) -> tuple[int, str]:
    """The exit code and what is printed."""
    out = io.StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_sound_database_has_nothing_to_tell(copy: Database) -> None:
    code, said = doctor()
    assert (code, said.splitlines()[-1]) == (0, f"{len(RULES)} rules hold; no invariant is broken.")


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=str)
def test_planted_corruption_is_named_with_its_invariant_its_rows_and_what_to_do(
    copy: Database, corruption: Corruption
) -> None:
    corruption.plant(copy)
    code, said = doctor()
    lines = [line for line in said.splitlines() if line.startswith(f"{corruption.invariant}  ")]
    assert code == 1
    assert any(corruption.says in line for line in lines), said
    assert all(line.count(". ") >= 1 and ": " in line for line in lines)


def test_every_rule_has_a_corruption() -> None:
    unproven = [rule.what for rule in RULES if not any(each.says in rule.what for each in CORRUPTIONS)]
    assert unproven == ["runs wait for what has come long ago"]


def test_run_that_waits_for_an_answered_question_is_named(copy: Database) -> None:
    Corruption(
        "I3",
        "",
        [
            """UPDATE orchestra_step SET waits_proposal_id = NULL, waits_until = now() - interval '1 hour'
               WHERE state = 'waiting'""",
            "UPDATE orchestra_run SET due_at = NULL WHERE state = 'waiting'",
        ],
    ).plant(copy)
    code, said = doctor("--quick")
    assert code == 1
    assert "I3  runs wait for what has come long ago: " in said


def test_quick_leaves_out_what_reads_everything(copy: Database) -> None:
    [altered] = [each for each in CORRUPTIONS if each.invariant == "I14"]
    altered.plant(copy)
    assert doctor("--quick")[0] == 0
    assert doctor()[0] == 1


def test_machines_read_the_same(copy: Database) -> None:
    [planted] = [each for each in CORRUPTIONS if each.invariant == "I6"]
    planted.plant(copy)
    code, said = doctor("--json")
    told = json.loads(said)
    assert code == 1
    assert {one["invariant"] for one in told["broken"]} >= {"I6"}
    assert all({"what", "names", "count", "remedy"} <= set(one) for one in told["broken"])
    assert all({"what", "remedy"} == set(one) for one in told["warnings"])


def test_many_rows_are_counted_and_a_few_are_named(copy: Database) -> None:
    Corruption("I3", "", ["UPDATE orchestra_run SET state = 'queued', finished_at = NULL, due_at = '2020-01-01'",
      """INSERT INTO orchestra_run (uid, state, fence, wake, takeovers, priority, object_key, limits, due_at,
           failure_class, error, request_id, traceparent, input, task_id, version_id, deployment_id)
         SELECT gen_random_uuid(), 'queued', 0, 0, 0, 0, '', '{}', '2020-01-01', '', '', '', '', 'null', task_id,
           version_id, deployment_id FROM orchestra_run, generate_series(1, 9)"""]).plant(copy)  # fmt: skip
    said = doctor("--quick")[1]
    assert "runs are stuck: " in said
    assert " and 25 more. " in said


def test_warnings_are_told_and_fail_only_where_that_is_asked(copy: Database) -> None:
    code, said = doctor("--quick")
    assert (code, "warning  workers: No worker process" in said) == (0, True)
    assert doctor("--quick", "--strict")[0] == 1


def test_database_that_does_not_answer_is_no_finding(copy: Database) -> None:
    point_django_at("there_is_no_such_database")
    try:
        with pytest.raises(CommandError) as caught:
            call_command("doctor")
    finally:
        point_django_at(copy.name)
    assert caught.value.returncode == 2
