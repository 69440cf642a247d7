"""Random graphs, results in any order: every run ends, nothing starts twice or too early."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.workflows import graph
from orchestra.workflows.graph import Row
from orchestra.workflows.spec import CONTINUE, ESCALATE, Join, Kind, Route, StepSpec, WorkflowSpec

SETTLED = {"succeeded", "failed", "skipped", "cancelled"}


@st.composite
def workflows(draw: st.DrawFn) -> WorkflowSpec:
    """Arrows of every kind only lead from earlier to later names, so there is no cycle."""
    size = draw(st.integers(1, 9))
    names = [f"s{at}" for at in range(size)]
    taken_over: set[str] = set()
    plans: list[dict[str, Any]] = []
    for at, name in enumerate(names):
        later = names[at + 1 :]
        on_failure = draw(st.sampled_from([ESCALATE, CONTINUE, CONTINUE, *later]))
        taken_over.add(on_failure)
        routes = bool(later) and draw(st.booleans())
        ways = draw(st.lists(st.sampled_from(later), unique=True, min_size=1)) if routes else []
        plans.append({"name": name, "on_failure": on_failure, "ways": ways})
    steps = []
    for at, plan in enumerate(plans):
        own = at and plan["name"] not in taken_over
        needs = draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3)) if own else []
        joins: list[Join | int] = [*Join, *range(1, len(needs) + 1)] if needs else [Join.ALL]
        steps.append(
            StepSpec(
                name=plan["name"],
                kind=Kind.ROUTE if plan["ways"] else Kind.PYTHON,
                line=1,
                needs=tuple(needs),
                join=draw(st.sampled_from(joins)),
                on_failure=plan["on_failure"],
                routes=tuple(Route(when=None, to=to, line=1) for to in plan["ways"]),
            )
        )
    return WorkflowSpec(name="w", owner="people", steps=tuple(draw(st.permutations(steps))))


class Play:
    """A small engine: it carries out decisions, and settles what is in flight in an order hypothesis chooses."""

    def __init__(self, spec: WorkflowSpec, data: st.DataObject) -> None:
        self.spec = spec
        self.data = data
        self.rows: dict[str, Row] = {}
        self.started: list[str] = []
        self.to_stop: list[str] = []

    def state(self, name: str) -> str:
        return self.rows[name].state if name in self.rows else "pending"

    def in_flight(self) -> list[str]:
        return [step.name for step in self.spec.steps if self.state(step.name) in ("running", "waiting")]

    def carry_out(self, decision: graph.Decision) -> None:
        touched = decision.start + decision.skip + decision.cancel
        assert len(set(touched)) == len(touched), "a name is in two lists"
        for name in decision.skip:
            assert self.state(name) == "pending"
            self.rows[name] = Row("skipped")
        for name in decision.cancel:
            assert self.state(name) not in SETTLED
            if self.state(name) == "pending":
                self.rows[name] = Row("cancelled")
        for name in decision.start:
            assert self.state(name) == "pending"
            assert holds(self.spec, name, self.rows), f"{name} started too early"
            self.begin(name)
        self.to_stop = [name for name in decision.cancel if self.state(name) not in SETTLED]

    def begin(self, name: str) -> None:
        """A step may begin, wait at once, be skipped by its own `if`, or be left for the next call."""
        begins = self.data.draw(st.sampled_from(["running", "running", "waiting", "skipped", "pending"]))
        if begins != "pending":
            assert name not in self.started
            self.started.append(name)
            self.rows[name] = Row(begins)

    def settle_one(self) -> None:
        flying = self.in_flight()
        if not flying:
            return
        name = self.data.draw(st.sampled_from(flying))
        ends = ["succeeded", "succeeded", "failed"] + (["cancelled"] if name in self.to_stop else [])
        state = self.data.draw(st.sampled_from(ends))
        ways = [route.to for route in self.spec.by_name[name].routes]
        chosen = self.data.draw(st.sampled_from(ways)) if ways and state == "succeeded" else None
        self.rows[name] = Row(state, chosen)


def holds(spec: WorkflowSpec, name: str, rows: dict[str, Row]) -> bool:
    """The joins once more, written the slow and plain way: the oracle."""
    step = spec.by_name[name]
    ways = [s.name for s in spec.steps if name in [route.to for route in s.routes]]
    faults = [s.name for s in spec.steps if s.on_failure == name]

    def state(other: str) -> str:
        return rows[other].state if other in rows else "pending"

    if ways or faults:
        picked = any(state(way) == "succeeded" and rows[way].chosen == name for way in ways)
        if not picked and not any(state(fault) == "failed" for fault in faults):
            return False
    good = [need for need in step.needs if state(need) == "succeeded"]
    borne = [
        need for need in step.needs if state(need) == "failed" and spec.by_name[need].on_failure == CONTINUE
    ]
    if step.join is Join.ALL:
        return len(good) + len(borne) == len(step.needs)
    if step.join is Join.ANY:
        return all(state(need) in SETTLED for need in step.needs) and bool(good or borne)
    return len(good) >= (1 if isinstance(step.join, Join) else step.join)


@settings(max_examples=200, deadline=None)
@given(workflows(), st.data())
def test_every_run_ends_and_starts_nothing_twice_or_early(spec: WorkflowSpec, data: st.DataObject) -> None:
    play = Play(spec, data)
    decision = graph.ready(spec, play.rows)
    for _ in range(100 * len(spec.steps)):
        play.carry_out(decision)
        play.settle_one()
        decision = graph.ready(spec, play.rows)
        if decision.finished and not decision.skip + decision.cancel:
            break
    assert decision.finished, "the run never ended"
    if not decision.failed:
        assert all(play.state(step.name) in SETTLED for step in spec.steps)


@settings(max_examples=150, deadline=None)
@given(workflows(), st.data())
def test_the_skips_of_one_call_are_complete(spec: WorkflowSpec, data: st.DataObject) -> None:
    rows = some_rows(spec, data)
    decision = graph.ready(spec, rows)
    rows.update({name: Row("skipped") for name in decision.skip})
    rows.update(
        {
            name: Row("cancelled")
            for name in decision.cancel
            if rows.get(name, Row("pending")).state == "pending"
        }
    )
    again = graph.ready(spec, rows)
    assert again.skip == ()
    assert again.start == decision.start
    assert again.finished == decision.finished


@settings(max_examples=150, deadline=None)
@given(workflows(), st.data())
def test_nothing_is_ever_stuck(spec: WorkflowSpec, data: st.DataObject) -> None:
    """Whatever the rows say, there is something to start, something in flight, or an end."""
    rows = some_rows(spec, data)
    decision = graph.ready(spec, rows)
    flying = any(row.state in ("running", "waiting") for row in rows.values())
    assert decision.start or decision.finished or flying


@settings(max_examples=100, deadline=None)
@given(workflows(), st.data())
def test_an_unhandled_failure_starts_and_skips_nothing(spec: WorkflowSpec, data: st.DataObject) -> None:
    rows = some_rows(spec, data)
    decision = graph.ready(spec, rows)
    bad = {
        name
        for name, row in rows.items()
        if row.state == "failed" and spec.by_name[name].on_failure == ESCALATE
    }
    assert set(decision.failed) == bad
    if bad:
        assert not decision.start + decision.skip + decision.cancel


@settings(max_examples=100, deadline=None)
@given(workflows(), st.data())
def test_a_begun_race_names_every_loser(spec: WorkflowSpec, data: st.DataObject) -> None:
    rows = some_rows(spec, data)
    decision = graph.ready(spec, rows)
    if decision.failed:
        return
    for step in spec.steps:
        state = rows[step.name].state if step.name in rows else "pending"
        begun = state in ("running", "waiting", "succeeded", "failed") or step.name in decision.start
        if step.join is Join.FIRST and begun:
            open_ones = {n for n in step.needs if (rows[n].state if n in rows else "pending") not in SETTLED}
            assert open_ones <= set(decision.cancel)


@settings(max_examples=100, deadline=None)
@given(workflows())
def test_the_index_puts_every_step_after_what_it_waits_for(spec: WorkflowSpec) -> None:
    position = graph.index(spec).position
    assert set(position) == set(spec.by_name)
    for edge in graph.edges(spec.steps):
        assert position[edge.source] < position[edge.target]
    assert graph.cycle(spec.steps) == ()


def some_rows(spec: WorkflowSpec, data: st.DataObject) -> dict[str, Row]:
    """Any states at all, also such as no engine would ever reach."""
    rows: dict[str, Row] = {}
    states = ["pending", "running", "waiting", "succeeded", "succeeded", "failed", "skipped", "cancelled"]
    for step in spec.steps:
        if data.draw(st.booleans()):
            state = data.draw(st.sampled_from(states))
            ways = [route.to for route in step.routes]
            chosen = data.draw(st.sampled_from(ways)) if ways and state == "succeeded" else None
            rows[step.name] = Row(state, chosen)
    return rows
