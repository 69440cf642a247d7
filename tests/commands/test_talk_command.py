"""manage.py run talk: the conversation of a run as its agent had it."""

from __future__ import annotations

from uuid import uuid4

from tests.commands.typed import refused, typed
from tests.gate.conftest import shared
from tests.gate.stage import GateStage
from tests.store.shop import cancellation

__all__ = ["shared"]


def test_talk_tells_words_calls_and_what_the_agent_was_told(shared: GateStage, world: str) -> None:
    cancel = {"call": "cancel_pending_order", "with": cancellation()}
    run = shared.serve([{"say": "I cancel\u202e it.", **cancel}, {"call": "fly", "with": {}}], world)
    assert typed("run", "talk", str(run.uid)).lines[-1].strip() == "awaiting approval"
    shared.reject(run, "the other order")
    step, *lines = typed("run", "talk", str(run.uid)).lines
    assert step == "serve"
    assert [line.split()[0] for line in lines] == ["agent", "wants", "rejected", "wants", "refused", "end"]
    assert lines[0].endswith("I cancel⟨U+202E⟩ it.")
    assert '"order_id"' in lines[1]
    assert lines[2].endswith("Error: A reviewer rejected this; it was not done. the other order")
    assert lines[4].endswith("Error: Unknown tool 'fly'.")
    assert lines[5].endswith("done")


def test_talk_of_a_workflow_s_own_call_has_its_result(shared: GateStage, world: str) -> None:
    name = shared.workflow({"list": {"kind": "tool", "tool": "list_all_product_types"}})
    run = shared.rest(shared.ask(name, world))
    step, wants, result = typed("run", "talk", str(run.uid)).lines
    assert (step, wants.split()) == ("list", ["wants", "list_all_product_types"])
    assert result.strip().startswith("succeeded")


def test_talk_of_no_run_is_said_in_words(shared: GateStage) -> None:
    assert "There is no run" in refused("run", "talk", str(uuid4()))
