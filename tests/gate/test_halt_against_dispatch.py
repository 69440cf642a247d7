"""A halt against the gate: after it has been set nothing is let pass, whatever was under way at that moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

from orchestra.engine import cancel, halt
from orchestra.models import Dispatch, Halt, Proposal, Run, ToolCall
from orchestra.models.halts import Scope
from reviews import decisions
from tests.engine.stage import again
from tests.gate.lines import DONE
from tests.gate.stage import GateStage
from tests.waiting import until

FLIPS = 30
BUSY = 6
#: Sessions of this database that wait for a lock.
BLOCKED = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
INSIDE = """
SELECT count(*) FROM orchestra_dispatch d JOIN orchestra_halt h
ON d.created_at > h.created_at AND d.created_at < coalesce(h.lifted_at, 'infinity')
"""
Rules = Callable[..., None]


def count(stage: GateStage, query: str) -> int:
    with stage.database.connect() as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def everything(stage: GateStage) -> Halt:
    """Stop all."""
    return halt.set_on(Scope.GLOBAL, by=stage.operator, reason="look first")


def lift(stage: GateStage, switch: Halt) -> None:
    halt.lift(uid=switch.uid, by=stage.operator, reason="looked")


def runaways(stage: GateStage, world: str, rules: Rules) -> list[Run]:
    """Runs that write as often as they can, which a rule allows."""
    tool = stage.tool("modify_user_address")
    rules({"id": "fine", "tools": [tool], "verdict": "allow", "message": "These are fine."})
    script = [stage.line(tool, address1=f"{n} New Road") for n in range(20)]
    workflow = stage.serving(
        script, grants=[tool], forever=True, mode="execution", limits={"turns": 2_000, "tool_calls": 2_000}
    )
    return [stage.ask(workflow, f"{world}-{n}") for n in range(BUSY)]


def test_no_sending_is_written_down_while_a_halt_is_on(shared: GateStage, world: str, rules: Rules) -> None:
    runs = runaways(shared, world, rules)
    for _ in range(FLIPS):
        before = Dispatch.objects.count()
        until(lambda before=before: Dispatch.objects.count() > before, what="a sending")  # type: ignore[misc]
        switch = everything(shared)
        seen = Dispatch.objects.count()
        shared.beats(1)
        assert Dispatch.objects.count() == seen
        lift(shared, switch)
    for run in runs:
        cancel.request(uid=run.uid, by=shared.operator, reason="enough")
    for (
        run
    ) in runs:  # what was being sent when a round was lost is let alone until it settles, and then ends too
        until(lambda run=run: again(run).state == "cancelled", within=60, what=f"the end: {shared.told(run)}")  # type: ignore[misc]
    assert count(shared, INSIDE) == 0
    sent = ToolCall.objects.filter(run__in=runs, state="succeeded").count()
    assert sum(len(shared.shop.effects(f"{world}-{n}")) for n in range(BUSY)) == sent > FLIPS


def in_a_thread(act: Callable[[], object]) -> threading.Thread:
    def play() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_setting_a_halt_waits_for_what_passes_the_gate_at_this_moment(shared: GateStage, world: str) -> None:
    tool = shared.tool("modify_user_address")
    run = shared.serve([shared.line(tool), DONE], world, grants=[tool])
    seen: list[int] = []
    with shared.database.connect(autocommit=False) as blocker:
        with shared.held(run):
            shared.approve(run, rest=False)
            blocker.execute(
                "SELECT 1 FROM orchestra_toolcall WHERE id = %s FOR UPDATE", [shared.call(run).pk]
            )
        until(lambda: count(shared, BLOCKED) == 1, within=10, what="a worker at the gate")

        def stop() -> None:
            switch = everything(shared)
            seen.append(Dispatch.objects.filter(toolcall__run=run).count())
            lift(shared, switch)

        thread = in_a_thread(stop)
        until(lambda: count(shared, BLOCKED) == 2 or seen, within=10, what="the halt behind the gate")
        assert seen == []
        blocker.rollback()
    thread.join(timeout=30)
    assert seen == [1]
    assert shared.told(shared.rest(run)) == ["succeeded"]


def test_halt_that_is_set_while_a_worker_decides_holds_what_it_comes_to_next(
    shared: GateStage, world: str
) -> None:
    tool = shared.tool("modify_user_address")
    step = {"kind": "tool", "tool": tool, "with": shared.line(tool)["with"]}
    run = shared.rest(shared.ask(shared.workflow({"first": step, "second": step}), world))
    first, second = Proposal.objects.filter(toolcall__run=run).order_by("toolcall__step__ordinal")
    with shared.nobody_working(), shared.database.connect(autocommit=False) as blocker:
        decisions.approve(second.uid, by=shared.reviewer, digest=bytes(second.digest), reason="right")
        blocker.execute("SELECT 1 FROM orchestra_proposal WHERE id = %s FOR UPDATE", [first.pk])
        thread = in_a_thread(shared.one_round)
        until(lambda: count(shared, BLOCKED) == 1, within=10, what="a worker that looks at the first call")
        switch = everything(shared)
        blocker.rollback()
        thread.join(timeout=30)
        assert (shared.told(run), shared.sendings(run)) == (["awaiting_approval", "approved"], [])
        lift(shared, switch)
    assert shared.told(shared.rest(run)) == ["awaiting_approval", "succeeded"]
    assert shared.told(shared.approve(run)) == ["succeeded", "succeeded"]
