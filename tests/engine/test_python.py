"""Steps of kind python: a registered function gets plain data and gives plain data back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.functions import Seen
from tests.engine.stage import Stage

CONTINUED = "a: {{kind: python, function: {function}, with: {with_}, on_failure: continue}}"


def settled(shared: Stage, function: str, with_: str) -> tuple[str, str, str]:
    """State, class and error of a step that calls this function and whose failure is continued."""
    step = shared.step(shared.play(CONTINUED.format(function=function, with_=with_)), "a")
    return step.state, step.failure_class, step.error


def renamed(step: dict[str, Any]) -> dict[str, Any]:
    """The same step with another function."""
    return {**step, "settings": {**step["settings"], "function": "t.gone"}}


def test_output_of_a_function_is_the_output_of_its_step(shared: Stage) -> None:
    run = shared.play("a: {kind: python, function: t.echo, with: {x: '{{ input.x }}'}}", {"x": [1, {"y": 2}]})
    assert run.state == "succeeded"
    assert shared.step(run, "a").output == {"x": [1, {"y": 2}]}


def test_output_of_a_run_is_that_of_its_last_steps_by_name(shared: Stage) -> None:
    run = shared.play("""
        a: {kind: python, function: t.same, with: {value: 1}}
        b: {kind: python, function: t.same, with: {value: 2}, needs: a}
        c: {kind: python, function: t.same, with: {value: 3}, needs: a}
    """)
    assert run.output == {"b": 2, "c": 3}


def test_output_template_says_what_the_output_of_a_run_is(shared: Stage) -> None:
    run = shared.play(
        """
        a: {kind: python, function: t.same, with: {value: [1, 2]}}
        b: {kind: python, function: t.same, with: {value: 3}, needs: a}
        """,
        {"n": 4},
        more="output: {list: '{{ steps.a.output }}', n: '{{ input.n }}', run: '{{ run.environment }}'}",
    )
    assert run.output == {"list": [1, 2], "n": 4, "run": "dev"}


def test_function_without_with_is_called_without_arguments(shared: Stage, seen: Seen) -> None:
    run = shared.play("a: {kind: python, function: t.count}")
    assert run.output == {"a": {"calls": 1}}


def test_function_that_raises_fails_its_step_as_a_bug_with_the_words_of_the_error(shared: Stage) -> None:
    assert settled(shared, "t.fail", "{message: no luck}") == ("failed", "bug", "RuntimeError: no luck")


def test_arguments_that_are_no_mapping_do_not_fit(shared: Stage) -> None:
    state, failure, error = settled(shared, "t.echo", "[1, 2]")
    assert (state, failure) == ("failed", "data_mismatch")
    assert "mapping" in error


def test_arguments_that_the_function_does_not_take_fail_its_step(shared: Stage) -> None:
    state, failure, error = settled(shared, "t.same", "{other: 1}")
    assert (state, failure) == ("failed", "bug")
    assert "other" in error


def test_lookup_that_leads_nowhere_fails_its_step_and_says_what_there_is(shared: Stage) -> None:
    run = shared.play(
        "a: {kind: python, function: t.same, with: {value: '{{ input.y }}'}, on_failure: continue}", {"x": 1}
    )
    step = shared.step(run, "a")
    assert (step.state, step.failure_class) == ("failed", "data_mismatch")
    assert "input.y" in step.error
    assert "x" in step.error


@pytest.mark.parametrize("what", ["set", "nan", "nul", "surrogate", "huge", "keys"])
def test_output_that_is_no_plain_data_does_not_fit(shared: Stage, what: str) -> None:
    state, failure, error = settled(shared, "t.odd", f"{{what: {what}}}")
    assert (state, failure) == ("failed", "data_mismatch")
    assert error.startswith("The output cannot be kept: ")


@pytest.mark.parametrize("what", ["nul", "surrogate", "long", "unspeakable"])
def test_error_with_any_text_is_kept_as_far_as_it_can_be(shared: Stage, what: str) -> None:
    state, failure, error = settled(shared, "t.raise_odd", f"{{what: {what}}}")
    assert (state, failure) == ("failed", "bug")
    assert len(error) <= 2_000
    assert "Error" in error


def test_function_that_wants_to_end_the_process_only_fails_its_step(shared: Stage) -> None:
    state, failure, error = settled(shared, "t.leave", "{}")
    assert (state, failure) == ("failed", "bug")
    assert "SystemExit" in error


def test_function_cannot_change_what_others_see(shared: Stage) -> None:
    run = shared.play(
        """
        a: {kind: python, function: t.echo, with: {x: 1}}
        b: {kind: python, function: t.change, needs: a, with: {order: '{{ steps.a.output }}'}}
        c: {kind: python, function: t.change, needs: b, with: {order: '{{ input }}'}}
        d: {kind: python, function: t.echo, needs: c, with: {a: '{{ steps.a.output }}', i: '{{ input }}'}}
        """,
        {"y": 2},
    )
    assert run.output == {"d": {"a": {"x": 1}, "i": {"y": 2}}}


def test_function_that_asks_the_database_fails_as_a_bug(shared: Stage) -> None:
    state, failure, error = settled(shared, "t.query", "{}")
    assert (state, failure) == ("failed", "bug")
    assert "no database" in error


@pytest.mark.parametrize("alias", ["default", "direct", "owner"])
def test_function_finds_no_other_way_to_the_database(shared: Stage, alias: str) -> None:
    state, failure, error = settled(shared, "t.query_elsewhere", f"{{alias: {alias}}}")
    assert (state, failure) == ("failed", "bug")
    assert "no database" in error


def test_functions_that_ask_the_database_use_up_no_connections(shared: Stage) -> None:
    run = shared.play(
        """
        a:
          kind: each
          items: '{{ input.items }}'
          at_once: 30
          step: {kind: python, function: t.query, on_failure: continue}
        """,
        {"items": list(range(60))},
    )
    assert run.state == "succeeded"
    after = shared.play("a: {kind: python, function: t.echo}")
    assert after.state == "succeeded"


def test_function_that_nobody_registered_fails_its_step_and_says_where_to_look(shared: Stage) -> None:
    name = shared.publish("a: {kind: python, function: t.echo, on_failure: continue}")
    shared.store(name, lambda spec: {**spec, "steps": [renamed(step) for step in spec["steps"]]})
    step = shared.step(shared.rest(shared.submit(name)), "a")
    assert (step.state, step.failure_class) == ("failed", "bug")
    assert "ORCHESTRA_STEP_FUNCTIONS" in step.error
