"""What may run next: each join, route and failure edge, one sentence each."""

from __future__ import annotations

import time

import pytest

from orchestra.errors import Bug
from orchestra.workflows import graph
from orchestra.workflows.graph import Decision, Row
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, Kind, Route, StepSpec, WorkflowSpec


def step(
    name: str,
    *needs: str,
    join: Join | int = Join.ALL,
    on_failure: str = ESCALATE,
    routes: tuple[str, ...] = (),
) -> StepSpec:
    cases = tuple(Route(when=None, to=to, line=1) for to in routes)
    kind = Kind.ROUTE if routes else Kind.PYTHON
    return StepSpec(name=name, kind=kind, line=1, needs=needs, join=join, on_failure=on_failure, routes=cases)


def workflow(*steps: StepSpec) -> WorkflowSpec:
    return WorkflowSpec(name="w", owner="people", steps=steps)


def decide(spec: WorkflowSpec, **states: str) -> Decision:
    """States by step name; `state:name` says what a route chose."""
    rows = {}
    for name, said in states.items():
        state, _, chosen = said.partition(":")
        rows[name] = Row(state, chosen or None)
    return graph.ready(spec, rows)


def test_steps_without_needs_start_together() -> None:
    assert decide(workflow(step("a"), step("b"))).start == ("a", "b")


def test_a_step_waits_for_what_is_in_flight() -> None:
    spec = workflow(step("a"), step("b", "a"))
    assert decide(spec, a="running") == Decision()
    assert decide(spec, a="waiting") == Decision()


def test_a_step_starts_when_every_need_succeeded() -> None:
    spec = workflow(step("a"), step("b"), step("c", "a", "b"))
    assert decide(spec, a="succeeded", b="running").start == ()
    assert decide(spec, a="succeeded", b="succeeded").start == ("c",)


def test_the_run_is_finished_when_every_step_is_settled() -> None:
    spec = workflow(step("a"), step("b", "a"))
    assert not decide(spec, a="succeeded", b="running").finished
    assert decide(spec, a="succeeded", b="succeeded") == Decision(finished=True)


def test_a_skip_reaches_all_that_follows_in_one_call() -> None:
    spec = workflow(step("a"), step("b", "a"), step("c", "b"), step("d", "c"))
    assert decide(spec, a="skipped") == Decision(skip=("b", "c", "d"), finished=True)


def test_join_all_skips_as_soon_as_one_need_is_lost() -> None:
    spec = workflow(step("a"), step("b"), step("c", "a", "b"))
    assert decide(spec, a="skipped", b="running").skip == ("c",)
    assert decide(spec, a="cancelled", b="running").skip == ("c",)


def test_join_any_waits_for_all_and_needs_one_success() -> None:
    spec = workflow(step("a"), step("b"), step("c", "a", "b", join=Join.ANY))
    assert decide(spec, a="succeeded", b="running") == Decision()
    assert decide(spec, a="succeeded", b="skipped").start == ("c",)
    assert decide(spec, a="skipped", b="cancelled").skip == ("c",)


def test_join_by_number_starts_early_and_lets_the_others_go_on() -> None:
    spec = workflow(step("a"), step("b"), step("c"), step("d", "a", "b", "c", join=2))
    assert decide(spec, a="succeeded", b="running", c="running") == Decision()
    assert decide(spec, a="succeeded", b="succeeded", c="running") == Decision(start=("d",))


def test_join_by_number_is_skipped_when_the_number_is_out_of_reach() -> None:
    spec = workflow(step("a"), step("b"), step("c"), step("d", "a", "b", "c", join=2))
    assert decide(spec, a="skipped", b="cancelled", c="running").skip == ("d",)


def test_join_first_cancels_what_lost_the_race() -> None:
    spec = workflow(step("a"), step("b"), step("c"), step("d", "a", "b", "c", join=Join.FIRST))
    found = decide(spec, a="running", b="succeeded", c="pending")
    assert found.start == ("d",)
    assert found.cancel == ("a", "c")


def test_what_lost_the_race_before_it_began_never_starts() -> None:
    spec = workflow(
        step("slow"), step("late", "slow"), step("end", "late", "slow", join=Join.FIRST), step("x", "late")
    )
    found = decide(spec, slow="succeeded")
    assert found == Decision(start=("end",), skip=("x",), cancel=("late",))


def test_a_decided_race_goes_on_asking_until_the_losers_have_stopped() -> None:
    spec = workflow(step("a"), step("b"), step("c", "a", "b", join=Join.FIRST))
    assert decide(spec, a="running", b="succeeded", c="succeeded") == Decision(cancel=("a",))
    assert decide(spec, a="cancelled", b="succeeded", c="succeeded") == Decision(finished=True)


def test_a_race_that_was_skipped_stops_nobody() -> None:
    spec = workflow(step("a"), step("b"), step("c", "a", "b", join=Join.FIRST))
    assert decide(spec, a="running", b="succeeded", c="skipped") == Decision()


def test_a_race_that_a_later_race_writes_off_stops_nobody() -> None:
    spec = workflow(
        step("a"),
        step("b"),
        step("inner", "a", "b", join=Join.FIRST),
        step("other"),
        step("outer", "inner", "other", join=Join.FIRST),
    )
    found = decide(spec, a="running", b="succeeded", other="succeeded")
    assert found == Decision(start=("outer",), cancel=("inner",))


def test_a_route_starts_the_chosen_way_and_skips_the_others() -> None:
    spec = workflow(
        step("way", routes=("left", "right")), step("left"), step("right"), step("after", "right")
    )
    assert decide(spec).start == ("way",)
    found = decide(spec, way="succeeded:left")
    assert found == Decision(start=("left",), skip=("right", "after"))


def test_a_choice_counts_only_once_its_route_has_succeeded() -> None:
    spec = workflow(step("way", on_failure=CONTINUE, routes=("left", "right")), step("left"), step("right"))
    assert decide(spec, way="running:left") == Decision()
    assert decide(spec, way="failed:left") == Decision(skip=("left", "right"), finished=True)


def test_ways_merge_again_with_join_any() -> None:
    spec = workflow(
        step("way", routes=("left", "right")),
        step("left"),
        step("right"),
        step("merge", "left", "right", join=Join.ANY),
    )
    assert decide(spec, way="succeeded:left", left="running", right="skipped").start == ()
    assert decide(spec, way="succeeded:left", left="succeeded", right="skipped").start == ("merge",)


def test_a_route_target_needs_its_own_needs_as_well() -> None:
    spec = workflow(
        step("other"), step("way", routes=("left", "right")), step("left", "other"), step("right")
    )
    assert "left" not in decide(spec, way="succeeded:left", other="running").start
    assert decide(spec, way="succeeded:left", other="succeeded", right="skipped").start == ("left",)
    assert "left" not in decide(spec, way="running", other="succeeded").start
    assert decide(spec, way="succeeded:left", other="skipped", right="skipped").skip == ("left",)


def test_a_target_of_two_routes_starts_when_either_chose_it() -> None:
    spec = workflow(
        step("one", routes=("t", "x")), step("two", routes=("t", "y")), step("t"), step("x"), step("y")
    )
    assert "t" in decide(spec, one="succeeded:x", two="succeeded:t").start
    assert "t" not in decide(spec, one="succeeded:x", two="running").skip
    assert "t" in decide(spec, one="succeeded:x", two="skipped").skip


def test_a_skipped_route_skips_its_ways() -> None:
    spec = workflow(step("a"), step("way", "a", routes=("left", "right")), step("left"), step("right"))
    assert decide(spec, a="skipped") == Decision(skip=("way", "left", "right"), finished=True)


def test_an_unhandled_failure_stops_everything_that_has_not_begun() -> None:
    spec = workflow(step("a"), step("b"), step("c"), step("d", "b"))
    assert decide(spec, a="failed", b="running") == Decision(failed=("a",))
    assert decide(spec, a="failed", b="succeeded") == Decision(failed=("a",), finished=True)


def test_a_tolerated_failure_counts_as_success_for_all_and_any() -> None:
    for join in (Join.ALL, Join.ANY):
        spec = workflow(step("a", on_failure=CONTINUE), step("b", "a", join=join))
        assert decide(spec, a="failed") == Decision(start=("b",))


def test_a_tolerated_failure_does_not_win_a_race_or_a_count() -> None:
    for join in (Join.FIRST, 1):
        spec = workflow(step("a", on_failure=CONTINUE), step("b"), step("c", "a", "b", join=join))
        assert decide(spec, a="failed", b="running") == Decision()
        assert decide(spec, a="failed", b="succeeded").start == ("c",)
        assert decide(spec, a="failed", b="skipped").skip == ("c",)


def test_a_failure_edge_calls_the_step_that_takes_over() -> None:
    spec = workflow(step("a", on_failure="fix"), step("fix"), step("end", "a", "fix", join=Join.ANY))
    assert decide(spec, a="running") == Decision()
    assert decide(spec, a="failed") == Decision(start=("fix",))
    assert decide(spec, a="succeeded") == Decision(start=("end",), skip=("fix",))
    assert decide(spec, a="failed", fix="succeeded") == Decision(start=("end",))


def test_what_takes_over_for_two_steps_starts_at_the_first_failure() -> None:
    spec = workflow(step("a", on_failure="fix"), step("b", on_failure="fix"), step("fix"))
    assert decide(spec, a="succeeded", b="running") == Decision()
    assert decide(spec, a="failed", b="running") == Decision(start=("fix",))
    assert decide(spec, a="cancelled", b="succeeded") == Decision(skip=("fix",), finished=True)


def test_a_step_can_be_a_way_and_take_over_at_once() -> None:
    spec = workflow(
        step("a", on_failure="ask"), step("way", "a", routes=("ask", "go")), step("ask"), step("go")
    )
    assert decide(spec, a="failed") == Decision(start=("ask",), skip=("way", "go"))
    assert "ask" in decide(spec, a="succeeded", way="succeeded:ask").start
    assert "ask" in decide(spec, a="succeeded", way="succeeded:go").skip


def test_a_state_that_no_step_has_is_a_bug() -> None:
    with pytest.raises(Bug, match="'done'"):
        decide(workflow(step("a")), a="done")


def test_a_spec_with_a_cycle_or_an_unknown_name_is_a_bug() -> None:
    with pytest.raises(Bug, match="cycle"):
        graph.index(workflow(step("a", "b"), step("b", "a")))
    with pytest.raises(Bug, match="nowhere"):
        graph.index(workflow(step("a", on_failure="nowhere")))


def test_a_cycle_is_named_in_the_direction_of_its_arrows() -> None:
    assert graph.cycle([step("a"), step("b", "a", "d"), step("c", "b"), step("d", "c"), step("e", "d")]) == (
        "b",
        "c",
        "d",
        "b",
    )
    assert graph.cycle([step("a"), step("b", "a")]) == ()


def test_ancestors_follow_arrows_of_every_kind() -> None:
    steps = [
        step("a", on_failure="fix"),
        step("fix"),
        step("way", "fix", routes=("x", "y")),
        step("x"),
        step("y"),
    ]
    sources = graph.before(steps)
    assert graph.ancestors(sources, "x") == {"way", "fix", "a"}
    assert graph.ancestors(sources, "a") == frozenset()


def test_the_last_steps_are_those_nothing_comes_after() -> None:
    assert graph.last(workflow(step("a"), step("b", "a"), step("c", "a", on_failure="d"), step("d"))) == (
        "b",
        "d",
    )


def test_the_index_is_made_once() -> None:
    spec = workflow(step("a"))
    assert graph.index(spec) is graph.index(spec)


def test_a_thousand_steps_are_decided_in_a_blink() -> None:
    steps = [step("s0")] + [step(f"s{n}", f"s{n - 1}", f"s{n // 2}") for n in range(2, 1000)]
    steps.insert(1, step("s1", "s0"))
    spec = workflow(*steps)
    rows = {f"s{n}": Row("succeeded") for n in range(500)}
    began = time.perf_counter()
    assert graph.ready(spec, rows).start == ("s500",)
    assert (
        time.perf_counter() - began < 5
    )  # generous: it guards against quadratic work, not against a busy machine
