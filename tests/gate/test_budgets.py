"""Budgets: limits that many runs share. What is used and set aside never exceeds them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from orchestra.models import Agent, Budget, Reservation
from tests.engine.stage import again
from tests.gate.adapters import SAYINGS
from tests.gate.stage import GateStage
from tests.store.shop import order_in

READ = {"call": "get_order_details", "with": {"order_id": order_in("pending")["order_id"]}}


def budget(agent: str, resource: str, limit: int) -> Budget:
    return Budget.objects.create(agent=Agent.objects.get(name=agent), resource=resource, limit=limit)


@pytest.mark.parametrize(("resource", "used"), [("tool_calls", 2), ("turns", 3)])
def test_used_up_budget_stops_the_run_and_asks(
    shared: GateStage, world: str, resource: str, used: int
) -> None:
    agent = shared.agent([READ, READ, READ, {"say": "Done."}])
    kept = budget(agent, resource, used)
    run = shared.rest(shared.ask(shared.workflow({"serve": {"kind": "agent", "agent": agent}}), world))
    assert run.state == "escalated"
    assert shared.question(run).context["limit"] == "budget"
    kept.refresh_from_db()
    assert (int(kept.used), int(kept.reserved)) == (used, 0)
    assert len(shared.sendings(run)) == 2 if resource == "tool_calls" else 3
    Budget.objects.filter(pk=kept.pk).update(limit=100)
    shared.answer(run, {"action": "continue"})
    assert shared.rest(run).state == "succeeded"


def test_runs_at_once_share_a_budget_and_never_exceed_it(shared: GateStage, world: str) -> None:
    agent = shared.agent([READ, READ, {"say": "Done."}])
    kept = budget(agent, "tool_calls", 9)
    workflow = shared.workflow({"serve": {"kind": "agent", "agent": agent}})
    runs = [shared.ask(workflow, world) for _ in range(10)]
    for run in runs:
        shared.rest(run)
    kept.refresh_from_db()
    assert (int(kept.used), int(kept.reserved)) == (9, 0)
    assert sum(len(shared.sendings(run)) for run in runs) == 9
    assert {again(run).state for run in runs} <= {"succeeded", "escalated"}


def test_request_that_was_not_sent_uses_nothing(shared: GateStage, world: str) -> None:
    agent = shared.agent([READ, {"say": "Done."}])
    kept = budget(agent, "tool_calls", 5)
    shared.bind(secret="env:NOT_SET_ANYWHERE")
    run = shared.ask(shared.workflow({"serve": {"kind": "agent", "agent": agent}}), world)
    shared.rest(run, within=60)
    shared.bind()
    kept.refresh_from_db()
    assert shared.call(run).state == "failed"
    assert (int(kept.used), int(kept.reserved)) == (0, 0)
    assert Reservation.objects.filter(budget=kept, settled=0).count() == len(shared.sendings(run)) == 3


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ({"on_failure": "continue"}, None),
        ({}, {"action": "fail"}),
        ({}, {"action": "output", "output": {"answer": "by hand"}}),
        ({}, {"action": "cancel"}),
    ],
    ids=["continue", "fail", "output", "cancel"],
)
def test_question_that_left_and_was_never_answered_is_used(
    shared: GateStage, world: str, step: dict[str, Any], answer: dict[str, Any] | None
) -> None:
    name, enough = f"silent {step} {answer}", threading.Event()
    SAYINGS[name] = [lambda _: {"role": "assistant", "content": str(enough.wait(60))}]
    agent = shared.agent([], adapter="tests.gate.adapters.Odd", saying=name)
    kept = budget(agent, "turns", 5)
    spec = {"kind": "agent", "agent": agent, "timeout": "500ms", **step}
    run = shared.rest(shared.ask(shared.workflow({"serve": spec}), world))
    if answer is not None:
        assert run.state == "escalated"
        shared.answer(run, answer)
        run = shared.rest(run)
    enough.set()
    kept.refresh_from_db()
    assert run.finished_at is not None
    assert (int(kept.used), int(kept.reserved)) == (1, 0)
