"""Many rows of every kind in one place: what a page must not ask the database for one by one."""

from __future__ import annotations

from tests import factories
from tests.walls.stage import Place

MANY = 30


def fill(place: Place) -> None:
    """Proposals with agents, votes and edits; questions, runs with steps, turns and calls; halts, deliveries, notices."""
    asker = place.task.requester
    for number in range(MANY):
        task = factories.task(
            place.deployment, requester=asker, subject=f"Order {number}", payload={"order": "W"}
        )
        run = factories.run(task, state="waiting")
        step = factories.step(run, kind="agent")
        turn = factories.turn(step)
        call = factories.toolcall(step, turn=turn, arguments={"order": f"W{number}"})
        proposal = factories.proposal(factories.walk(call, "awaiting_approval"), votes_needed=2)
        factories.approval(proposal)
        factories.humantask(run, title=f"Is order {number} genuine?")
        factories.halt(run=factories.run(task, state="cancelled"))
    for state in ("approved", "rejected", "expired"):
        for _ in range(5):
            proposed = factories.proposal(
                factories.walk(factories.toolcall(factories.step(place.run)), "awaiting_approval")
            )
            factories.walk(proposed, state)
    for number in range(MANY):
        factories.turn(place.call.step)
        factories.toolcall(place.call.step, arguments={"order": f"W{number}"})
        factories.humantask(place.run, title=f"And order {number}?")
        factories.approval(place.proposal)
