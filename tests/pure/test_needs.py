"""An expression sees only what it looks at, and gives what it would give on everything."""

from __future__ import annotations

from typing import Any

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra import expressions
from orchestra.expressions import ExpressionError
from orchestra.needs import need, uses
from orchestra.readings import Reading

NAMES = frozenset({"a", "b", "rows"})
VALUES: dict[str, Any] = {
    "a": {
        "b": {"x": 1, "y": [1, 2]},
        "k": "x",
        "rows": [{"id": "p", "n": 1, "more": {"z": 1}}, {"id": "q", "n": 2}],
    },
    "b": {"p": {"id": "p", "kinds": {"r": {"free": True, "cost": 5}}}, "q": {"id": "q", "kinds": {}}},
    "rows": ["p", "q"],
}


def seen(text: str) -> dict[str, Any]:
    return need(uses(Reading(text, NAMES))).of(VALUES)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a.k == 'x'", {"a": {"k": "x"}}),
        ("a.b != null && a.b.x == 1", {"a": {"b": {"x": 1}}}),
        ("a.b == a.k", {"a": {"b": {"x": 1, "y": [1, 2]}, "k": "x"}}),
        ("null == a.b", {"a": {"b": {"x": 1, "y": [1, 2]}}}),
        ("-a.b == null", {"a": {"b": {"x": 1, "y": [1, 2]}}}),
        ("a.k in b", {"a": {"k": "x"}, "b": {"p": True, "q": True}}),
        ("a.k in rows", {"a": {"k": "x"}, "rows": ["p", "q"]}),
        ("a.k in b + a.b", {"a": {"k": "x", "b": {"x": 1, "y": [1, 2]}}, "b": VALUES["b"]}),
        ("size(a.rows) == 2", {"a": {"rows": [True, True]}}),
        ("size(b) == 2", {"b": {"p": True, "q": True}}),
        ("a.rows.exists(r, r.n == 1)", {"a": {"rows": [{"n": 1}, {"n": 2}]}}),
        ("a.rows.all(r, true)", {"a": {"rows": [True, True]}}),
        ("a.rows.exists(r, r == a.b)", {"a": {"rows": VALUES["a"]["rows"], "b": VALUES["a"]["b"]}}),
        ("a.rows.map(r, r.id) == rows", {"a": {"rows": [{"id": "p"}, {"id": "q"}]}, "rows": ["p", "q"]}),
        ("size(a.rows.filter(r, r.n > 1)) == 1", {"a": {"rows": [{"n": 1}, {"n": 2}]}}),
        ("a.rows.filter(r, r.n > 1)[0].id == 'q'", {"a": {"rows": [{"n": 1, "id": "p"}, {"n": 2, "id": "q"}]}}),
        ("a.rows.filter(r, r.n > 1) == []", {"a": {"rows": VALUES["a"]["rows"]}}),
        ("a.rows.filter(r, r.n > 1).map(r, r.id)[0] == 'q'", {"a": {"rows": [{"n": 1, "id": "p"}, {"n": 2, "id": "q"}]}}),
        ("b[a.k].kinds[a.k].free", {"a": {"k": "x"}, "b": {"p": {"kinds": {"r": {"free": True}}}, "q": {"kinds": {}}}}),
        ("a.k in b[a.k].kinds", {"a": {"k": "x"}, "b": {"p": {"kinds": {"r": True}}, "q": {"kinds": {}}}}),
        ("b.p.id == 'p' && b[a.k].kinds == null", {"a": {"k": "x"}, "b": {"p": {"id": "p", "kinds": {}}, "q": {"kinds": {}}}}),
        ("a.rows[0].id == 'p'", {"a": {"rows": [{"id": "p"}, {"id": "q"}]}}),
        ("(a.k == 'x' ? a.b : a.k).x == 1", {"a": {"k": "x", "b": {"x": 1, "y": [1, 2]}}}),
    ],
)  # fmt: skip
def test_only_what_is_looked_at_is_converted(text: str, part: dict[str, Any]) -> None:
    assert seen(text) == part


PARTS = st.recursive(
    st.sampled_from([None, True, 0, 1, 2, "p", "q", "x", "id"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["x", "y", "id", "n", "p", "q"]), inner, max_size=3),
    ),
    max_leaves=12,
)
SCOPES = st.fixed_dictionaries({"a": PARTS, "b": PARTS, "rows": PARTS})


def ways(names: list[str]) -> st.SearchStrategy[str]:
    """Ways into the values, some through an index that only the evaluation knows."""
    step = st.one_of(
        st.sampled_from([".x", ".y", ".id", ".n", "[0]", "['p']"]),
        st.sampled_from(["a.x", "rows[0]", "b.id", "'q'", "1"]).map(lambda inner: f"[{inner}]"),
    )
    return st.tuples(st.sampled_from(names), st.lists(step, max_size=3)).map(
        lambda pair: pair[0] + "".join(pair[1])
    )


def conditions(names: list[str], depth: int) -> st.SearchStrategy[str]:
    """Conditions of every form that the analysis tells apart."""
    way = ways(names)
    simple = st.one_of(
        st.tuples(way, st.sampled_from(["== null", "!= null", "== 1", "== 'p'", "== [1]", "== {'x': 1}"])).map(" ".join),
        st.tuples(way, st.sampled_from(["==", "!=", "in", "=="]), way).map(" ".join),
        st.tuples(way, st.sampled_from(["==", "in"]), way, st.just("== null")).map(" ".join),
        way.map(lambda text: f"has({text}.x)"),
        st.tuples(way, st.sampled_from([0, 1, 2])).map(lambda pair: f"size({pair[0]}) == {pair[1]}"),
        st.tuples(way, way).map(lambda pair: f"(true ? {pair[0]} : {pair[1]}) == {pair[1]}"),
        st.tuples(way, way).map(lambda pair: f"[{pair[0]}, {pair[1]}].exists(e, e == null)"),
    )  # fmt: skip
    if depth == 0:
        return simple
    inner = conditions([*names, f"v{depth}"], depth - 1)
    over = st.tuples(st.sampled_from(names), st.lists(st.sampled_from([".x", ".y", ".id"]), max_size=2)).map(
        lambda pair: pair[0] + "".join(pair[1])
    )
    name = f"v{depth}"
    return st.one_of(
        simple,
        st.tuples(over, st.sampled_from(["all", "exists", "exists_one"]), inner).map(
            lambda made: f"{made[0]}.{made[1]}({name}, {made[2]})"
        ),
        st.tuples(over, inner, st.sampled_from([f".exists({name}, {name}.x == 1)", f".map({name}, {name}.id) == rows",
            "[0] == 1", "[0].x == 1", "[0].x == null", " == []", " == a", f".filter({name}, {name}.y != null) == rows"])).map(
            lambda made: f"{made[0]}.filter({name}, {made[1]}){made[2]}"
        ),
        st.tuples(over, inner).map(lambda made: f"size({made[0]}.filter({name}, {made[1]})) > 0"),
        st.tuples(over, inner).map(lambda made: f"{made[0]}.map({name}, {made[1]}) == [true]"),
        st.tuples(simple, st.sampled_from(["&&", "||"]), inner.map(lambda text: text.replace(name, names[0]))).map(
            " ".join
        ),
    )  # fmt: skip


def outcome(run: Any) -> object:
    """The value, or that there was none: which of two faults is told may differ."""
    try:
        value = run()
    except (ExpressionError, RuntimeError, LookupError, TypeError, ValueError):
        return "an error"
    return ("value", value)


@settings(max_examples=500, deadline=None)
@given(text=conditions(["a", "b", "rows"], 2), scope=SCOPES)
def test_the_part_that_is_looked_at_gives_what_everything_gives(text: str, scope: dict[str, Any]) -> None:
    try:
        made = expressions.compile(text, variables=NAMES)
    except ExpressionError:
        return
    whole = outcome(lambda: cel.compile(text).execute(cel.Context(scope)))
    part = outcome(lambda: made._program.execute(expressions.Scope(scope, [made]).converted))
    assert part == whole
    sizes = expressions.Scope(scope, [made]).sizes
    assert made._at_most(sizes) >= made._steps(sizes)
