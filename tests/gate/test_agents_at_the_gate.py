"""Agents that read and write through the gate: what they are told, what waits for people, what takes effect."""

from __future__ import annotations

from tests.gate.stage import GateStage
from tests.store.shop import cancellation, order_in


def test_agent_reads_without_asking_anybody(shared: GateStage, world: str) -> None:
    order = order_in("pending")["order_id"]
    run = shared.serve(
        [{"call": "get_order_details", "with": {"order_id": order}}, {"say": "It is pending."}], world
    )
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    assert (run.output or {})["serve"]["answer"] == "It is pending."
    assert (shared.call(run).result or {})["order_id"] == order


def test_write_waits_for_a_person_and_then_takes_effect_once(shared: GateStage, world: str) -> None:
    run = shared.serve([{"call": "cancel_pending_order", "with": cancellation()}, {"say": "Done."}], world)
    assert (run.state, shared.told(run)) == ("waiting", ["awaiting_approval"])
    assert shared.shop.effects(world) == []
    run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
    (effect,) = shared.shop.effects(world)
    assert effect["key"] == shared.call(run).key


def test_rejected_write_has_no_effect_and_the_agent_is_told_why(shared: GateStage, world: str) -> None:
    run = shared.serve([{"call": "cancel_pending_order", "with": cancellation()}, {"say": "Sorry."}], world)
    run = shared.reject(run, "the customer wants to keep it")
    assert (run.state, shared.told(run)) == ("succeeded", ["rejected"])
    assert shared.shop.effects(world) == []
    assert "the customer wants to keep it" in shared.call(run).error
