"""manage.py halt: stops everything, one deployment or one run, and lets go again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from orchestra.models import Halt
from tests.commands.typed import refused, typed
from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until

REASON = ["--as", "olga", "--reason", "a fire"]


def lift(uid: str) -> None:
    assert typed("halt", "lift", uid, *REASON).lines == [f"{uid} lifted"]


@pytest.mark.parametrize("scope", ["everything", "deployment", "run"])
def test_halt_stops_its_scope_until_it_is_lifted(shared: Stage, scope: str) -> None:
    with shared.nobody_working():
        run = shared.start("a: {kind: python, function: t.echo}")
        target = {
            "everything": ["--everything"],
            "deployment": ["--deployment", f"{run.deployment.workflow.name}@dev"],
            "run": ["--run", str(run.uid)],
        }[scope]
        found = typed("halt", "on", *target, *REASON)
    uid = found.lines[0].split()[0]
    assert (found.code, found.lines) == (0, [f"{uid} on"])
    assert shared.beats(3)
    assert again(run).state == "queued"
    assert any(uid in line and "Olga: a fire" in line for line in typed("halt", "list").lines)
    assert "on already" in refused("halt", "on", *target, *REASON)
    lift(uid)
    assert shared.rest(run).state == "succeeded"
    assert typed("halt", "list").lines == []


def test_halt_names_the_runs_that_are_still_in_flight(shared: Stage, seen: Seen) -> None:
    run = shared.start("a: {kind: python, function: t.gate, with: {key: a}}")
    until(lambda: "a" in seen.begun, what="a at work")
    found = typed("halt", "on", "--run", str(run.uid), *REASON)
    assert f"in flight: run {run.uid}" in found.lines
    seen.gates["a"].set()
    lift(found.lines[0].split()[0])
    shared.rest(run)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["on", *REASON], "required"),
        (["on", "--everything", "--run", str(uuid4()), *REASON], "not allowed with"),
        (["on", "--everything", "--as", "olga"], "--reason"),
        (["on", "--everything", "--as", "olga", "--reason", " "], "needs a reason"),
        (["on", "--everything", "--as", "nobody", "--reason", "x"], "There is no person nobody"),
        (["on", "--deployment", "orders", *REASON], "WORKFLOW@ENVIRONMENT"),
        (["on", "--deployment", "orders@dev", *REASON], "not deployed"),
        (["on", "--run", "nonsense", *REASON], "is no id"),
        (["on", "--run", str(uuid4()), *REASON], "There is no run"),
        (["lift", str(uuid4()), *REASON], "There is no halt"),
        (["lift", "nonsense", *REASON], "is no id"),
    ],
)
def test_what_is_wrong_is_said_in_words(shared: Stage, arguments: list[str], said: str) -> None:
    assert said in refused("halt", *arguments)
    assert not Halt.objects.filter(state="on").exists()
