"""Calls whose worker died after the gate and that must not be repeated: a person finds out, and nothing is sent again."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.gate_crash.stage import CrashStage
from tests.gate_crash.wire import Answer
from tests.store.shop import cancellation

OF: Final = "cancel_pending_order"
PATH: Final = "/tools/cancel_pending_order"
BODY: Final = {"order_id": "{{ args.order_id }}", "reason": "{{ args.reason }}"}
#: What is changed of a tool whose calls the shop knows by a key. A minute is kept from the life of a key.
KINDS: Final[dict[str, dict[str, Any]]] = {
    "opaque": {"delivery": "opaque", "without": ["key", "lookup"]},
    "probe": {
        "delivery": "probe",
        "without": ["key"],
        "request": {"method": "POST", "path": PATH, "query": {"reference": "{{ key }}"}, "body": BODY},
    },
    "idempotent": {"delivery": "idempotent", "without": ["key", "lookup"]},
    "short-lived": {"key": {"header": "Idempotency-Key", "life": "62s"}},
}


@pytest.mark.parametrize("happened", [True, False], ids=["it happened", "it did not happen"])
def test_call_of_a_dead_worker_that_no_living_key_protects_is_put_before_a_person_and_never_sent_again(
    stage: CrashStage, world: str, happened: bool
) -> None:
    """One of each kind at once, all with the shop when their worker dies."""
    worlds = {kind: f"{world}-{kind}" for kind in KINDS}
    tools = {kind: stage.variant(f"variant.{kind}", of=OF, **changes) for kind, changes in KINDS.items()}
    holds = [stage.wire.hold("POST", f"/{worlds[kind]}/", done=happened) for kind in KINDS]
    worker = stage.working()
    runs = {kind: stage.begin(worlds[kind], {"call": tools[kind], "with": cancellation()}) for kind in KINDS}
    stage.approving(lambda: all(hold.reached.is_set() for hold in holds), what="all of them sent")
    stage.replace(worker)
    for run in runs.values():
        stage.becomes(run, "unknown")
        (sending,) = stage.sendings(run)
        assert sending.finished_at is not None
        assert sending.finished_at >= sending.settles_at
        question = stage.question(run)
        assert (question.kind, question.context["sent"][0]["n"]) == ("unknown", 1)
        stage.answer(run, {"happened": happened, "note": "I have looked"})
    for kind, run in runs.items():
        stage.ends(run)
        assert stage.told(run) == ["settled_done" if happened else "settled_not_done"]
        assert len(stage.sendings(run)) == stage.sent(worlds[kind]) == 1
        assert len(stage.shop.effects(worlds[kind])) == int(happened)
    stage.in_order()


def test_call_stays_in_doubt_when_its_repeat_is_turned_away_at_the_door(
    stage: CrashStage, world: str
) -> None:
    """A shop that wants another token by now has not looked at the key: the first sending may have happened."""
    hold = stage.wire.hold("POST", f"/{world}/", done=True)
    worker = stage.working()
    run = stage.begin(world, {"call": OF, "with": cancellation()})
    stage.approving(hold.reached.is_set, what="the request")
    stage.wire.backend = lambda _: Answer(401, {}, b"")
    stage.replace(worker)
    stage.becomes(run, "unknown")
    assert [one.status for one in stage.sendings(run)] == [None, 401]
    stage.find_out()
    stage.ends(run)
    assert stage.told(run) == ["settled_done"]
    stage.sound()
