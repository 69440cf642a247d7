"""CEL expressions: what compiles, what they give, what they may cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra import expressions
from orchestra.errors import Bug, Invalid
from orchestra.expressions import ExpressionError, Scope

NAMES = frozenset({"args", "order", "rows", "steps"})
ORDER = {
    "id": "W1",
    "total": 1250,
    "note": None,
    "lines": [
        {"sku": "x", "qty": 2, "labels": {"fragile": True}},
        {"sku": "y", "qty": 0, "labels": {}},
    ],
}
CONTEXT: dict[str, Any] = {"order": ORDER, "args": {"rows": 1200, "rate": 0.5}, "rows": [1, 2, 3]}


def evaluate(text: str, context: Mapping[str, Any] = CONTEXT) -> object:
    return expressions.compile(text, variables=NAMES).evaluate(context)


def refusal(attempt: Callable[[], object]) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        attempt()
    assert isinstance(caught.value, Invalid)
    assert len(caught.value.message) < 600
    return caught.value


# Values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("order.lines[0].sku", "x"),
        ('order["lines"][1]["qty"] + 1', 1),
        ("order.note == null", True),
        ("args.rows > 1000 && order.id != 'W2'", True),
        ("args.rate * 2.0", 1),
        ("args.rows == 1200.0", True),
        ("double(args.rows) * 1.5", 1800),
        ("has(order.gone) || has(order.total)", True),
        ("true || (1/0 == 1)", True),
        ("rows.exists(r, r > 2)", True),
        ("rows.all(r, r > 2)", False),
        ("order.lines.filter(l, l.qty > 0).map(l, l.sku)", ["x"]),
        ("sum(order.lines.map(l, l.qty))", 2),
        ("sum([])", 0),
        ("sum([1, 0.5])", 1.5),
        ("sum([0.1, 0.2, 0.3].map(x, cents(x)))", 60),
        (
            "[cents(19.99), cents(20), cents('0.10'), cents(-1.1), cents(1005.01)]",
            [1999, 2000, 10, -110, 100501],
        ),
        ("rows.map(a, rows.map(b, rows.filter(c, c > 1).map(d, a * b * d)))[2][2]", [18, 27]),
        ("order.lines.map(l, {'sku': l.sku, 'all': rows})", None),
        ("[1, 2, 3].map(r, r * 2)", [2, 4, 6]),
        ("2 in [1, 2].filter(r, r > 1)", True),
        ("rows.map(r, r > 1, r * 10)", [20, 30]),
        ("order.lines.all(l, l.labels.all(name, name != ''))", True),
        ("size(rows) == 3 && rows.size() == 3", True),
        ("order.id.startsWith('W') ? 'shop' : \"other\"", "shop"),
        ("timestamp('2024-05-01T00:00:00Z') > timestamp('2024-04-30T00:00:00Z')", True),
        ("string(timestamp('2024-05-01T00:00:00Z') + duration('1h'))", "2024-05-01T01:00:00+00:00"),
        ("'a // b' + r'\\n' + '''\nc'''  // a comment with x.all(", "a // b\\n\nc"),
        ("'order.gone(' == \"rows.map(x, nope)\"", False),
        ("{'id': order.id, 'n': [null, true, 1.5]}", {"id": "W1", "n": [None, True, 1.5]}),
    ],
)
def test_expressions_give_json(text: str, value: object) -> None:
    given_value = evaluate(text)
    assert value is None or (type(given_value), given_value) == (type(value), value)


def test_a_condition_holds_or_not_and_nothing_between() -> None:
    assert expressions.compile("rows[0] == 1", variables=NAMES).holds(CONTEXT) is True
    assert expressions.compile("rows[0] == 2", variables=NAMES).holds(CONTEXT) is False
    for text, kind in (("rows", "a list"), ("order.id", "a string"), ("1", "a number"), ("null", "null")):
        expression = expressions.compile(text, variables=NAMES)
        assert kind in refusal(lambda e=expression: e.holds(CONTEXT)).message  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order.totl > 1", ["`order.totl` is missing", "id, lines, note, total"]),
        ("order.note.text == ''", ["`order.note` is null", "no parts"]),
        ("rows[7] > 1", ["`rows[7]` is missing", "3 elements"]),
        ("steps.find == 1", ["`steps` is missing", "args, order, rows"]),
        ("args.rows + 1.5 > 2.0", ["double(x)"]),
        ("'a' + 1", ["string(x)"]),
        ("args.rows / 0", ["division by zero"]),
        ("9223372036854775807 + args.rows", ["overflow"]),
        ("int(order.id)", ["int"]),
        ("'a'.matches('(')", ["regex"]),
        ("timestamp(order.id)", ["timestamp"]),
        ("order.map(k, k)", ["no order"]),
        ("order.lines.map(l, l.labels.map(k, k))", ["no order"]),
        ("timestamp('2024-05-01T00:00:00Z')", ["datetime", "not JSON"]),
        ("duration('1h')", ["not JSON"]),
        ("b'abc'", ["not JSON"]),
        ("{1: 2}", ["keys are strings"]),
        ("1.0 / 0.0", ["2^53"]),
        ("9007199254740991 + 1", ["2^53"]),
        ("cents(0.125)", ["two decimal places"]),
        ("cents('ten')", ["two decimal places"]),
        ("cents('NaN')", ["two decimal places"]),
        ("cents('Infinity')", ["two decimal places"]),
        ("cents('1e999999')", ["two decimal places"]),
        ("cents(true)", ["an amount", "true or false"]),
        ("cents(rows)", ["an amount", "a list"]),
        ("sum(['a'])", ["a list of numbers"]),
        ("sum([true])", ["a list of numbers"]),
        ("sum(order)", ["a list of numbers"]),
        ("'\\u0000'", ["NUL"]),
    ],
)
def test_a_failing_evaluation_says_why(text: str, words: list[str]) -> None:
    message = refusal(lambda: evaluate(text)).message
    assert text[:40] in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("value", [object(), {1, 2}, "\ud800", {"a": ORDER.keys}])
def test_python_objects_do_not_get_into_an_expression(value: object) -> None:
    refusal(lambda: evaluate("[rows] == []", {"rows": value}))


def test_a_bottomless_value_is_refused_and_does_not_crash() -> None:
    bottomless: Any = {}
    for _ in range(100_000):
        bottomless = {"left": bottomless}
    knot: list[Any] = []
    knot += [knot, knot]
    for value in (bottomless, knot):
        assert "too deep" in refusal(lambda v=value: evaluate("[rows] == []", {"rows": v})).message  # type: ignore[misc]


def test_the_deepest_payload_can_stand_inside_of_a_scope() -> None:
    payload: Any = 1
    for _ in range(64):
        payload = [payload]
    assert evaluate("size(steps.find.output) == 1", {"steps": {"find": {"output": payload}}}) is True


def test_attributes_of_python_objects_cannot_be_reached() -> None:
    refusal(lambda: evaluate("order.__class__", {"order": {"a": 1}}))
    refusal(lambda: evaluate("rows.append", {"rows": []}))


# Compiling ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word", "line", "column"),
    [
        ("1 ==", "Syntax error", 1, 5),
        ("rows.size() > 1 &&\n  oder.id == ''", "did you mean `order`", 2, 3),
        ("nope", "unknown name `nope`", 1, 1),
        ("rows.all(r, r > 0) && r > 1", "unknown name `r`", 1, 23),
        ("rows.all(r, r > limit)", "unknown name `limit`", 1, 17),
        ("frobnicate(rows)", "unknown function `frobnicate`", 1, 1),
        ("rows.fitler(r, true)", "did you mean `filter`", 1, 6),
        ("now() > 1", "unknown function `now`", 1, 1),
        ("optional.of(1)", "unknown name `optional`", 1, 1),
        ("Order{id: 1}", "unknown name `Order`", 1, 1),
        ("rows.all(1)", "takes a variable", 1, 6),
        ("(rows + rows).map(r, r)", "runs over a name", 1, 15),
        ("[rows].all(r, r.map(x, x) == r)", "runs over a name", 1, 17),
        ("rows.all(a, rows.all(b, rows.all(c, rows.all(d, rows.all(e, true)))))", "more than 4", 1, 54),
        ("rows == 'a' + `b`", "`b`", 1, 15),
    ],
)
def test_what_cannot_compile_is_refused_with_its_place(text: str, word: str, line: int, column: int) -> None:
    error = refusal(lambda: expressions.compile(text, variables=NAMES))
    assert word in error.message
    assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize(
    "text", ["", "(" * 900 + "1" + ")" * 900, ".nope", ".order.id", "order.", "a b", "1" * 2001]
)
def test_texts_that_are_no_expression_are_refused(text: str) -> None:
    refusal(lambda: expressions.compile(text, variables=NAMES))


def test_an_expression_may_have_2000_characters_and_no_more() -> None:
    longest = "order.id == '" + "a" * 1986 + "'"
    assert len(longest) == 2000
    assert evaluate(longest) is False
    assert "2001" in refusal(lambda: evaluate(longest + " ")).message


def test_an_expression_is_compiled_once() -> None:
    assert expressions.compile("rows == []", variables=NAMES) is expressions.compile(
        "rows == []", variables=frozenset(NAMES)
    )
    assert expressions.compile("rows == []", variables=NAMES | {"x"}).variables_used == {"rows"}


def test_an_expression_says_what_it_uses() -> None:
    text = "order.lines.all(line, line.qty in rows) && 'args' != args.rows.field"
    assert expressions.compile(text, variables=NAMES).variables_used == {"order", "rows", "args"}


# Cost --------------------------------------------------------------------------------------------------


def test_a_four_million_step_expression_is_refused_before_it_runs() -> None:
    ones = "[" + ",".join(["1"] * 200) + "]"
    three = f"{ones}.all(a, {ones}.all(b, [{','.join(['1'] * 100)}].all(c, a + b + c > 0)))"
    assert "on any values" in refusal(lambda: evaluate(three)).message
    text = "rows.all(a, rows.all(b, a + b >= 0))"
    assert evaluate(text, {"rows": list(range(100))}) is True
    message = refusal(lambda: evaluate(text, {"rows": list(range(2000))})).message
    assert "steps" in message
    assert str(expressions.MOST_STEPS) in message


@pytest.mark.parametrize(
    "text",
    [
        "rows.map(r, rows)",
        "rows.map(r, r).map(r, rows == rows)",
        "rows.filter(r, true).filter(r, rows.all(x, x in rows))",
        "[rows, rows].all(r, r.all(x, r.all(y, true)))",
        "[rows].exists(r, r.exists(x, rows == r))",
        "order.lines.map(r, r)",
        "rows.all(r, order.lines.all(x, x == order.lines[0]))",
    ],
)
def test_what_grows_with_the_square_of_the_data_is_refused_on_large_data(text: str) -> None:
    large = [{f"k{n}": n for n in range(10)} for _ in range(900)]
    refusal(lambda: evaluate(text, {"rows": list(range(2000)), "order": {"lines": large}}))


@pytest.mark.parametrize(
    "text",
    ["rows.map(r, r * 2)", "rows.filter(r, r in args.known)", "order.lines.all(r, r.k0 == 0 && r.k1 == 1)"],
)
def test_ordinary_work_on_a_thousand_values_is_allowed(text: str) -> None:
    large = [{f"k{n}": n for n in range(10)} for _ in range(900)]
    context = {"rows": list(range(1000)), "order": {"lines": large}, "args": {"known": [5]}}
    evaluate(text, context)


def test_a_large_value_that_is_only_passed_by_costs_nothing() -> None:
    context = {"order": {"id": "W1", "blob": ["x" * 1000] * 9000}, "rows": [1]}
    assert evaluate("rows.all(r, order.id == 'W1')", context) is True


# Scopes ------------------------------------------------------------------------------------------------


class Counted(dict[str, Any]):
    """Notes which names are taken out."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.taken: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.taken.add(key)
        return super().__getitem__(key)


def test_only_what_an_expression_names_is_converted() -> None:
    values = Counted({**CONTEXT, "steps": object()})
    assert evaluate("order.total > 1000", values) is True
    assert values.taken == {"order"}
    assert evaluate("order.total > 1000", {"order": {"total": 1, "other": object()}}) is False


def test_expressions_share_a_scope_made_for_them() -> None:
    first = expressions.compile("order.total > 1000", variables=NAMES)
    second = expressions.compile("has(order.lines) && rows.all(r, r > 0)", variables=NAMES)
    scope = Scope(CONTEXT, (first, second))
    assert (first.holds(scope), second.holds(scope), second.evaluate(scope)) == (True, True, True)


def test_a_scope_made_for_others_is_no_scope_of_ours() -> None:
    mine = expressions.compile("has(order.lines)", variables=NAMES)
    other = expressions.compile("order.id == 'W1'", variables=NAMES)
    with pytest.raises(Bug):
        mine.holds(Scope(CONTEXT, (other,)))


@pytest.mark.parametrize(
    "texts", [("order", "order.id"), ("order.id", "order"), ("order.id", "order.id.x", "order")]
)
def test_a_whole_value_stays_whole_beside_its_parts(texts: tuple[str, ...]) -> None:
    made = [expressions.compile(text, variables=NAMES) for text in texts]
    scope = Scope(CONTEXT, made)
    assert next(e for e in made if e.text == "order").evaluate(scope) == ORDER


def test_eight_threads_share_an_expression_and_a_scope() -> None:
    expression = expressions.compile("order.lines.all(l, l.qty >= 0) && order.total > 1000", variables=NAMES)
    scope = Scope(CONTEXT, (expression,))
    start = threading.Barrier(8)

    def work(_: int) -> int:
        start.wait()
        return sum(expression.holds(scope) + expression.holds(CONTEXT) for _ in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [1000] * 8


# Any text ----------------------------------------------------------------------------------------------

PIECES = [
    *"()[]{}.,:?!<>+-*/%'\"\\ \n0123",
    *(
        "order",
        "rows",
        "x",
        "lines",
        "size",
        "has",
        "map",
        "filter",
        "all",
        ".map(x,",
        ".all(x,",
        "&&",
        "||",
        "==",
    ),
    *(
        "in",
        "null",
        "true",
        "1.5",
        "'a'",
        "r'",
        "b'",
        '"""',
        "//",
        "timestamp(",
        "duration('1h')",
        "string(",
        "1u",
    ),
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=30))
def test_any_text_gives_a_value_or_an_expression_error(text: str) -> None:
    try:
        expressions.compile(text, variables=NAMES | {"x"}).evaluate({**CONTEXT, "x": 1})
    except ExpressionError as error:
        error.message.encode()
