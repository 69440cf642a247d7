"""Every edge has an end, and a sentence says which."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.errors import Invalid
from orchestra.workflows import facts, graph
from orchestra.workflows.ends import ends
from orchestra.workflows.graph import Row
from orchestra.workflows.spec import (
    CONTINUE,
    ESCALATE,
    Join,
    Kind,
    Repeat,
    Retry,
    Route,
    StepSpec,
    WorkflowSpec,
)


def step(name: str, on_failure: str = ESCALATE, kind: Kind = Kind.PYTHON) -> StepSpec:
    return StepSpec(name=name, kind=kind, line=7, on_failure=on_failure)


def flow(*steps: StepSpec, owner: str = "leads") -> WorkflowSpec:
    return WorkflowSpec(name="w", owner=owner, steps=steps)


def test_an_escalation_ends_with_the_owner() -> None:
    assert ends(flow(step("a")))["a"] == (
        "After an error in the function, the run stops and leads is asked. A limit of the run stops it and asks leads."
    )


def test_a_continued_failure_ends_in_going_on() -> None:
    assert "the run goes on without its output" in ends(flow(step("a", CONTINUE)))["a"]


def test_a_step_that_takes_over_must_have_an_end_itself() -> None:
    found = ends(flow(step("a", "b"), step("b", "c"), step("c")))
    assert "b takes over (then c); should that fail too, the run stops and leads is asked" in found["a"]
    assert "c takes over; should that fail too" in found["b"]


def test_all_that_can_go_wrong_is_named() -> None:
    found = StepSpec(
        name="a",
        kind=Kind.TOOL,
        timeout=90.0,
        retry=Retry(attempts=3),
        repeat=Repeat(until="output.done", at_most=4),
    )
    said = ends(flow(found))["a"]
    for cause in (
        "an error of the tool or a denial",
        "3 attempts",
        "4 rounds",
        "a timeout of 1 minute 30 seconds",
    ):
        assert cause in said


@pytest.mark.parametrize(
    "spec",
    [
        flow(step("a"), owner=""),
        flow(step("a", "b"), step("b", "a")),
        flow(step("a", "a")),
        flow(step("a", "nowhere")),
        flow(step("a", "b"), step("b", "c"), step("c", "b")),
        flow(step("a", "b"), step("b"), owner=""),
    ],
)
def test_an_edge_without_an_end_is_refused(spec: WorkflowSpec) -> None:
    with pytest.raises(Invalid) as caught:
        ends(spec)
    assert caught.value.problems[0].line == 7


def test_a_long_chain_of_steps_that_take_over_is_told_shortly() -> None:
    steps = [step(f"s{n}", f"s{n + 1}") for n in range(999)] + [step("s999")]
    found = ends(flow(*steps))
    assert len(found["s0"]) < 400
    assert "s1 takes over (then s2, s3, s4 and more)" in found["s0"]


@st.composite
def workflows(draw: st.DrawFn) -> WorkflowSpec:
    names = [f"s{at}" for at in range(draw(st.integers(2, 6)))]
    steps = []
    taken_over: set[str] = set()
    for at, name in enumerate(names):
        later = names[at + 1 :]
        on_failure = draw(st.sampled_from([CONTINUE, ESCALATE, *later]))
        taken_over.add(on_failure)
        ways = draw(st.lists(st.sampled_from(later), unique=True, max_size=2)) if later else []
        routes = tuple(Route(None, to) for to in ways)
        free = name not in taken_over and at > 0
        needs = draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3)) if free else []
        join = draw(st.sampled_from([*Join, 1, 2])) if needs else Join.ALL
        steps.append(
            StepSpec(
                name=name,
                kind=Kind.PYTHON,
                needs=tuple(needs),
                join=join,
                on_failure=on_failure,
                routes=routes,
            )
        )
    return WorkflowSpec(name="w", owner="o", steps=tuple(steps))


def outcomes(spec: WorkflowSpec, name: str) -> list[Row]:
    step = spec.by_name[name]
    good = [Row("succeeded", route.to) for route in step.routes] or [Row("succeeded")]
    return [*good, Row("failed")] if step.on_failure != ESCALATE else good


def starts(spec: WorkflowSpec, rows: dict[str, Row], seen: set[str]) -> None:
    """Play every run there is: each started step ends in each way it can."""
    decision = graph.ready(spec, rows)
    seen |= set(decision.start)
    rows = rows | {name: Row("skipped") for name in decision.skip}
    rows |= {name: Row("cancelled") for name in decision.cancel}
    if decision.start:
        name = decision.start[0]
        for row in outcomes(spec, name):
            starts(spec, rows | {name: row}, seen)


@settings(max_examples=150, deadline=None)
@given(workflows())
def test_a_step_that_is_said_never_to_start_does_not_start_in_any_run(spec: WorkflowSpec) -> None:
    seen: set[str] = set()
    starts(spec, {}, seen)
    assert not {found.step for found in facts.contradictions(spec)} & seen
