"""Places of the steps in the picture of a workflow: nothing overlaps, arrows lead down, the same always looks the same."""

from __future__ import annotations

import itertools
import re

from hypothesis import given

from orchestra.runs import graph
from orchestra.runs.graph import HEIGHT, WIDTH, Picture
from orchestra.workflows.graph import edges
from orchestra.workflows.spec import Each, Kind, Repeat, Route, StepSpec, WorkflowSpec
from tests.workflows.test_graph_properties import workflows


def of(*steps: StepSpec) -> WorkflowSpec:
    return WorkflowSpec(name="w", owner="people", steps=steps)


def step(name: str, *needs: str) -> StepSpec:
    return StepSpec(name=name, kind=Kind.PYTHON, needs=needs)


def overlaps(picture: Picture) -> list[tuple[str, str]]:
    """Pairs of steps that share a point of the plane."""
    nodes = sorted(picture.nodes, key=lambda node: (node.y, node.x))
    pairs = itertools.pairwise(nodes)
    return [(one.name, two.name) for one, two in pairs if two.y < one.y + HEIGHT and two.x < one.x + WIDTH]


def ends(path: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first point of a path, and its last."""
    x, y = 0, 0
    points = []
    for letter, numbers in re.findall(r"([MVC])([-0-9 ]+)", path):
        values = [int(number) for number in numbers.split()]
        x, y = (x, values[0]) if letter == "V" else (values[-2], values[-1])
        points.append((x, y))
    return points[0], points[-1]


@given(workflows())
def test_steps_never_overlap_and_lie_inside_of_the_picture(spec: WorkflowSpec) -> None:
    picture = graph.picture(spec)
    assert overlaps(picture) == []
    for node in picture.nodes:
        assert 0 <= node.x <= picture.width - WIDTH
        assert 0 <= node.y <= picture.height - HEIGHT


@given(workflows())
def test_every_arrow_leads_down_from_its_step_to_its_step(spec: WorkflowSpec) -> None:
    picture = graph.picture(spec)
    at = {node.name: node for node in picture.nodes}
    assert [(arrow.source, arrow.target, arrow.kind) for arrow in picture.arrows] == [
        (edge.source, edge.target, edge.kind) for edge in edges(spec.steps)
    ]
    for arrow in picture.arrows:
        source, target = at[arrow.source], at[arrow.target]
        assert ends(arrow.path) == ((source.middle, source.y + HEIGHT), (target.middle, target.y))
        assert source.y + HEIGHT < target.y


@given(workflows())
def test_same_workflow_always_looks_the_same(spec: WorkflowSpec) -> None:
    again = WorkflowSpec(name="other", owner="people", steps=spec.steps)
    assert graph.picture(spec) == graph.picture(again)


def test_chain_is_one_straight_line() -> None:
    picture = graph.picture(of(step("a"), step("b", "a"), step("c", "b")))
    assert len({node.x for node in picture.nodes}) == 1
    assert [node.y for node in picture.nodes] == sorted({node.y for node in picture.nodes})
    assert all("C" not in arrow.path for arrow in picture.arrows)


def test_neighbours_stand_in_the_order_that_crosses_least() -> None:
    picture = graph.picture(of(step("a"), step("b"), step("under_b", "b"), step("under_a", "a")))
    x = {node.name: node.x for node in picture.nodes}
    assert (x["a"] < x["b"]) == (x["under_a"] < x["under_b"])


def test_step_that_repeats_has_a_way_back_to_itself_and_one_for_each_item_says_so() -> None:
    inner = StepSpec(name="one", kind=Kind.PYTHON)
    again = StepSpec(name="a", kind=Kind.PYTHON, repeat=Repeat("true", 3))
    many = StepSpec(name="b", kind=Kind.EACH, needs=("a",), each=Each([], "item", inner))
    picture = graph.picture(of(again, many))
    assert [(node.again, node.many) for node in picture.nodes] == [(True, False), (False, True)]
    [back] = [arrow for arrow in picture.arrows if arrow.kind == "again"]
    (_, left), (_, entered) = ends(back.path)
    assert (back.source, back.target) == ("a", "a")
    assert left > entered


def test_ways_of_a_route_and_of_a_failure_are_told_apart() -> None:
    route = StepSpec(name="r", kind=Kind.ROUTE, routes=(Route("true", "a"), Route(None, "b")))
    failing = StepSpec(name="a", kind=Kind.PYTHON, on_failure="mend")
    picture = graph.picture(of(route, failing, step("b"), step("mend")))
    assert {(arrow.source, arrow.target): arrow.kind for arrow in picture.arrows} == {
        ("r", "a"): "route",
        ("r", "b"): "route",
        ("a", "mend"): "failure",
    }


def test_workflow_without_steps_is_an_empty_picture() -> None:
    assert graph.picture(of()).nodes == []


def test_thousand_steps_of_any_shape_are_placed() -> None:
    chain = of(
        step("s0"), *(step(f"s{at}", f"s{at - 1}", *(["s0"] if at > 1 else [])) for at in range(1, 1000))
    )
    wide = of(step("s0"), *(step(f"s{at}", "s0") for at in range(1, 1000)))
    woven = of(
        *(
            step(f"s{at}", *(f"s{at // 2 + back}" for back in range(2) if at // 2 + back < at))
            for at in range(1000)
        )
    )
    for spec in (chain, wide, woven):
        picture = graph.picture(spec)
        assert len(picture.nodes) == 1000
        assert overlaps(picture) == []
