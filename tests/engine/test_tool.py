"""Steps of kind tool: a registered tool, its arguments held against the schema it was registered with."""

from __future__ import annotations

import pytest

from orchestra.errors import Bug
from orchestra.tools.registry import tool
from tests.engine.functions import Seen
from tests.engine.stage import Stage


def test_reading_tool_gives_its_result(shared: Stage) -> None:
    run = shared.play("a: {kind: tool, tool: t.read, with: {key: '{{ input.key }}'}}", {"key": "k"})
    assert run.output == {"a": {"read": "k"}}


def test_arguments_of_a_tool_are_kept_with_the_step(shared: Stage) -> None:
    run = shared.play("a: {kind: tool, tool: t.read, with: {key: '{{ input.key }}'}}", {"key": "k"})
    assert shared.step(run, "a").input == {"key": "k"}


@pytest.mark.parametrize("given", ["{key: 1}", "{}", "{key: a, more: b}", "[]", "null"])
def test_arguments_that_do_not_fit_the_schema_are_a_mismatch(shared: Stage, given: str) -> None:
    step = shared.step(
        shared.play(f"a: {{kind: tool, tool: t.read, with: {given}, on_failure: continue}}"), "a"
    )
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")


def test_tool_that_raises_fails_its_step_as_an_error_of_the_tool(shared: Stage, seen: Seen) -> None:
    step = shared.step(shared.play("a: {kind: tool, tool: t.broken, on_failure: continue}"), "a")
    assert (step.state, step.failure_class) == ("failed", "tool_error")
    assert step.error == "ConnectionError: the system is away"


def test_error_of_a_tool_is_tried_again_without_being_named(shared: Stage, seen: Seen) -> None:
    shared.play("""
        a:
          kind: tool
          tool: t.broken
          with: {key: k}
          retry: {attempts: 3, first_wait: 10ms}
          on_failure: continue
    """)
    assert seen.calls["k"] == 3


def test_tool_that_writes_cannot_be_registered_as_a_function() -> None:
    with pytest.raises(Bug, match="only reading tools"):
        tool("t.write", arguments={"type": "object"}, effect="write")
