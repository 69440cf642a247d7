"""What is wrong with a workflow file is said in its line, with what is allowed, and all at once."""

from __future__ import annotations

import pytest

from orchestra import schemas
from orchestra.documents.envelopes import envelopes
from orchestra.workflows import schema
from orchestra.workflows.checks import Known
from tests.workflows.files import HEAD, KNOWN, A, B, file, read, refused, wrong

SHAPES = [
    ("a: {kind: pyton, function: f}", "1: 'pyton' is not one of python, tool, agent, human, route, wait, each, run (did you mean 'python'?)"),
    ("a: {function: f}", "1: kind is missing"),
    ("a: {kind: python}", "1: function is missing: A registered function."),
    ("a:\n  kind: python\n  functon: f\n  function: f", "3: 'functon' is not known here (did you mean 'function'?); allowed: "),
    ("a: {kind: python, function: f, tool: x}", "1: 'tool' is not known here"),
    ("a: 3", "1: 3 should be a mapping"),
    ("A: {kind: python, function: f}", "1: 'A' cannot be the name of a step"),
    (f"{'a' * 64}: {{kind: python, function: f}}", "cannot be the name of a step"),
    ("a: {kind: python, function: f, timeout: 30}", "1: 30 should be text: How long one attempt may take."),
    ("a: {kind: python, function: f, timeout: 30x}", "1: '30x' is not allowed here: How long one attempt may take."),
    ("a: {kind: python, function: f, timeout: 0s}", "1: '0s' is out of range"),
    ("a: {kind: python, function: f, timeout: 400d}", "1: '400d' is out of range"),
    ("a: {kind: python, function: f, retry: {attempts: 0}}", "1: 0 is out of range; allowed is 1..100"),
    ("a: {kind: python, function: f, retry: {first_wait: 1s}}", "1: attempts is missing"),
    ("a: {kind: python, function: f, retry: {attempts: 2, first_wait: 999d}}", "1: '999d' is out of range"),
    ("a: {kind: python, function: f, retry: {attempts: 2, on: [tool_eror]}}", "(did you mean 'tool_error'?)"),
    ("a: {kind: python, function: f, repeat: {until: output.x, at_most: 1001}}", "1: 1001 is out of range; allowed is 1..1000"),
    ("a: {kind: python, function: f, repeat: {until: output.x, at_most: 0}}", "1: 0 is out of range"),
    ("a: {kind: python, function: f, repeat: {until: output.x}}", "1: at_most is missing"),
    ("a: {kind: wait, for: 1s, repeat: {until: output.x, at_most: 2}}", "'repeat' is not known here"),
    ("a: {kind: python, function: f, join: al}", "1: 'al' is not allowed here: all (default), any, first, or a number"),
    ("a: {kind: python, function: f, on_failure: No}", "1: 'No' is not allowed here"),
    ("a: {kind: python, function: f, needs: []}", "1: this list needs at least 1 entry: The steps that come before"),
    ("a: {kind: python, function: f, requires: [{check: input.x}]}", "1: message is missing"),
    ("a: {kind: python, function: os.system(1)}", "1: 'os.system(1)' is not allowed here"),
    ("a: {kind: each, items: [1], step: {kind: agent, agent: x}}", "1: 'agent' is not one of python, tool, human, run, wait"),
    ("a: {kind: each, items: [1], step: {kind: python, function: f, needs: b}}", "'needs' is not known here"),
    ("a: {kind: each, items: [1], step: {kind: python, function: f, on_failure: b}}", "'b' is not one of escalate, continue"),
    ("a: {kind: each, items: input.x, step: {kind: python, function: f}}", "'input.x' is not allowed here: The list"),
    ("a: {kind: each, items: [1], at_once: 0, step: {kind: python, function: f}}", "0 is out of range"),
    ("a: {kind: wait}", "1: a wait step has either `for` (a duration) or `until`"),
    ("a: {kind: wait, for: 1s, until: '{{ input.x }}'}", "1: a wait step has either"),
    ("a: {kind: wait, until: '2030-01-01'}", "is not allowed here: A lookup of the time"),
    ("a: {kind: human}", "1: title is missing: The question"),
    ("a: {kind: route, routes: []}", "1: this list needs at least 1 entry"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "says"), SHAPES)
def test_a_wrong_shape_is_refused_with_what_is_allowed(steps: str, says: str) -> None:
    assert says in wrong(steps)


SENSES = [
    ("a: {kind: python, function: f, needs: [b]}\nbb: {kind: python, function: f}", "1: there is no step 'b' (did you mean 'bb'?)"),
    ("a: {kind: python, function: f, on_failure: nobody}", "1: there is no step 'nobody'"),
    ("a:\n  kind: route\n  routes:\n    - {when: input.x, to: b}\n    - {to: nowhere}\n" + B, "5: there is no step 'nowhere'"),
    ("a: {kind: python, function: f, needs: a}", "1: the steps wait for each other: a -> a"),
    (f"{A.replace('f}', 'f, needs: c}')}\nb: {{kind: python, function: f, needs: a}}\nc: {{kind: wait, for: 1s, needs: b}}", "the steps wait for each other: a -> b -> c -> a"),
    ("a: {kind: python, function: f, on_failure: b}\nb: {kind: python, function: f, on_failure: a}", "the steps wait for each other: a -> b -> a"),
    (f"{A.replace('f}', 'f, on_failure: b}')}\nb: {{kind: wait, for: 1s}}\nc: {{kind: route, needs: b, routes: [{{to: a}}]}}", "wait for each other"),
    (f"a: {{kind: python, function: f, on_failure: c}}\n{B}\nc: {{kind: wait, for: 1s, needs: b}}", "3: it takes over when a fails, so it cannot have needs of its own"),
    ("escalate: {kind: wait, for: 1s}", "1: 'escalate' is a word of the language"),
    ("return: {kind: wait, for: 1s}", "1: 'return' is a word of the language"),
    ("a: {kind: each, items: [1], as: input, step: {kind: wait, for: 1s}}", "1: 'input' cannot be the name of an item; index, input, output, run, steps"),
    ("a: {kind: each, items: [1], as: in, step: {kind: wait, for: 1s}}", "1: 'in' cannot be the name of an item"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, join: first}}", "2: join: first needs at least two needs, here are 1"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, join: 2}}", "2: join: 2 can never be reached with 1 needs"),
    ("a: {kind: wait, for: 1s, join: any}", "1: join: any needs `needs`"),
    (f"a:\n  kind: route\n  routes:\n    - {{when: input.x, to: b}}\n{B}", "4: the last case must have no `when`"),
    (f"a:\n  kind: route\n  routes:\n    - {{to: b}}\n    - {{to: b}}\n{B}", "4: a case without `when` is always taken, so nothing reaches the cases after it"),
    ("a: {kind: run, workflow: w}", "1: a workflow cannot run itself"),
    ("a: {kind: each, items: [1], step: {kind: run, workflow: w}}", "1: a workflow cannot run itself"),
    (f"a: {{kind: route, routes: [{{when: input.x, to: b}}, {{to: c}}]}}\n{B}\nc: {{kind: wait, for: 1s}}\nd: {{kind: wait, for: 1s, needs: [b, c]}}", "4: it can never start: in no run a both chooses b and chooses c; to go on after either, use join: any"),
    (f"a: {{kind: python, function: f, on_failure: b}}\n{B}\nc: {{kind: wait, for: 1s, needs: [a, b]}}", "3: it can never start: in no run a both succeeds and fails"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "says"), SENSES)
def test_a_graph_that_makes_no_sense_is_refused(steps: str, says: str) -> None:
    assert says in wrong(steps)


def test_the_way_behind_a_way_contradicts_as_well() -> None:
    said = wrong(
        """
        a: {kind: route, routes: [{when: input.x, to: b}, {to: c}]}
        b: {kind: wait, for: 1s}
        c: {kind: wait, for: 1s}
        d: {kind: wait, for: 1s, needs: b}
        e: {kind: wait, for: 1s, needs: [d, c]}
        f: {kind: wait, for: 1s, needs: e}
        """
    )
    assert said.startswith("5: it can never start: in no run a both chooses b and chooses c")


EXPRESSIONS = [
    ("a: {kind: wait, for: 1s, if: 'input.x >'}", "1: `input.x >`"),
    ("a: {kind: wait, for: 1s, if: 'nput.x'}", "1: `nput.x`"),
    ("a: {kind: wait, for: 1s, if: 'frob(input.x)'}", "frob"),
    (f"{A}\nb: {{kind: wait, for: 1s, if: steps.a.output.x}}", "2: `steps.a.output.x`: a does not come before b; add it to its needs"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, if: steps.aa.output.x}}", "2: `steps.aa.output.x`: there is no step 'aa' (did you mean 'a'?)"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, if: 'steps[\"aa\"].output.x'}}", "there is no step 'aa'"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, if: steps.a.outptu.x}}", "2: `steps.a.outptu.x`: steps.a has output and state, not 'outptu' (did you mean 'output'?)"),
    (f"{A}\nb: {{kind: wait, for: 1s, needs: a, if: size(steps) > 1}}", "2: `steps`: name the step, as in steps.a.output"),
    ("a: {kind: wait, for: 1s, if: run.nam == 'x'}", "1: `run.nam`: run has environment and id, not 'nam'"),
    ("a: {kind: wait, for: 1s, ensures: [steps.a.output.x]}", "1: `steps.a.output.x`: a step cannot read itself; in `ensures` and `until` its result is `output`"),
    ("a: {kind: wait, for: 1s, requires: [output.x]}", "1: `output.x`"),
    ("a: {kind: python, function: f, repeat: {until: 'outputs.x', at_most: 3}}", "1: `outputs.x`"),
    ("a: {kind: python, function: f, with: {x: '{{ inptu.x }}'}}", "1: `inptu.x`: 'inptu' is not known here (did you mean 'input'?)"),
    ("a: {kind: python, function: f, with: {x: 'say {{ input.x }}'}}", "1: `say {{ input.x }}`"),
    ("a:\n  kind: python\n  function: f\n  with:\n    x: 1\n    y: [1, '{{ steps.b.output }}']\n" + B, "6: `steps.b.output`: b does not come before a"),
    ("a: {kind: python, function: f, with: {'{{ input.x }}': 1}}", "1: a lookup stands as a value, not as a key"),
    ("a: {kind: python, function: f, with: '{{ item }}'}", "1: `item`: 'item' is not known here"),
    ("a: {kind: each, items: '{{ item }}', step: {kind: wait, for: 1s}}", "1: `item`"),
    ("a: {kind: each, items: [1], as: x, step: {kind: python, function: f, with: '{{ item }}'}}", "1: `item`: 'item' is not known here"),
    ("a: {kind: agent, agent: g, sees: [steps.b.output]}\n" + B, "1: `steps.b.output`: b does not come before a"),
    ("a: {kind: agent, agent: g, sees: [secrets.x]}", "1: `secrets.x`: 'secrets' is not known here"),
    ("a: {kind: human, title: 'Is {{ input.x }} fine?'}", "1: `Is {{ input.x }} fine?`"),
    ("a: {kind: wait, until: '{{ input. }}'}", "1: `{{ input. }}`"),
    ("a: {kind: human, title: T, form: {type: objct}}", "1: "),
    (f"a:\n  kind: route\n  routes:\n    - {{when: input.x ==, to: b}}\n    - {{to: b}}\n{B}", "4: `input.x ==`"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "says"), EXPRESSIONS)
def test_an_expression_that_cannot_work_is_refused_in_its_line(steps: str, says: str) -> None:
    assert says in wrong(steps)


def test_an_expression_of_several_lines_names_the_line_inside() -> None:
    for second in ("inptu.y > 2", "input.y >> 2", "steps.b.output.y > 2"):
        said = wrong(f"a:\n  kind: wait\n  for: 1s\n  if: |\n    input.x > 1 &&\n    {second}\n")
        assert said.startswith("6: ")


WHOLE = [
    (HEAD + "  steps: {}\n", "5: at least 1 entry is needed here: The steps by name."),
    (HEAD, "3: steps is missing"),
    ("kind: workflow\nname: w\nspec:\n  steps:\n    a: {kind: wait, for: 1s}\n", "3: owner is missing: The group of people"),
    ("kind: workflow\nname: w\nspec: 1\n", "3: 1 should be a mapping"),
    ("kind: workflow\nname: w.x\nspec: {owner: o, steps: {a: {kind: wait, for: 1s}}}\n", "2: 'w.x' is not allowed here"),
    ("kind: policy\nname: w\nspec: {}\n", "1: kind is 'policy'; a workflow is expected here"),
    (file(A, more="limits: {wall_time: 0s}"), "5: '0s' is out of range"),
    (file(A, more="limits: {steps: 0}"), "5: 0 is out of range; allowed is 1..1000000"),
    (file(A, more="limits: {cost: 5}"), "5: 5 should be text: Money"),
    (file(A, more="limits: {cost: 0.00 USD}"), "5: '0.00 USD' is no amount"),
    (file(A, more="limits: {payload: 0B}"), "5: '0B' is no size"),
    (file(A, more="priority: 101"), "5: 101 is out of range; allowed is -100..100"),
    (file(A, more="object: '{{ steps.a.output }}'"), "5: `steps.a.output`: 'steps' is not known here"),
    (file(A, more="output: '{{ steps.b.output }}'"), "5: `steps.b.output`: there is no step 'b'"),
    (file(A, more="input: {type: array}"), "5: the input of a workflow is an object"),
    (file(A, more="input:\n  type: object\n  properties: {x: {type: strng}}"), "7: "),
    (file(A) + "---\n" + file(A), "8: the file holds 2 documents; one workflow is expected here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WHOLE)
def test_what_is_wrong_with_the_whole_is_refused(text: str, says: str) -> None:
    (said,) = refused(text)
    assert says in said


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    said = refused(
        file(
            """
            a: {kind: pyton}
            b: {kind: wait, for: 0s}
            c: {kind: python, function: f, needs: [x], if: inptu.x}
            d: {kind: route, routes: [{when: "1 +", to: a}]}
            e: {kind: wait, for: 1s, needs: f}
            f: {kind: wait, for: 1s, needs: e, if: steps.a.output.x}
            """,
            more="priority: x",
        )
    )
    assert [int(text.partition(":")[0]) for text in said] == [5, 7, 8, 9, 9, 10, 10, 11]


def test_one_wrong_step_does_not_make_the_others_look_wrong() -> None:
    (said,) = refused(
        file(
            """
            a: {kind: python, functon: f, function: f, needs: z}
            b: {kind: wait, for: 1s, needs: a, if: steps.z.output.x}
            z: {kind: wait, for: 1s}
            """
        )
    )
    assert "'functon'" in said


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("a: {kind: python, function: g}", "there is no function 'g'; known: f"),
        (
            "a: {kind: tool, tool: orders.reed}",
            "there is no tool 'orders.reed' (did you mean 'orders.read'?)",
        ),
        ("a: {kind: agent, agent: righter}", "there is no agent 'righter'"),
        ("a: {kind: agent, agent: writer, tools: [orders.write]}", "there is no tool 'orders.write'"),
        ("a: {kind: human, title: T, group: bosses}", "there is no group 'bosses'"),
        ("a: {kind: run, workflow: others}", "there is no workflow 'others' (did you mean 'other'?)"),
        ("a: {kind: each, items: [1], step: {kind: tool, tool: x}}", "there is no tool 'x'"),
    ],
)
def test_names_that_do_not_exist_are_refused_where_the_names_are_known(steps: str, says: str) -> None:
    assert says in wrong(steps, known=KNOWN)
    read(steps)


def test_an_owner_that_does_not_exist_is_said_once() -> None:
    known = Known(groups=frozenset({"others"}))
    (said,) = refused(file("a: {kind: human, title: T}"), known=known)
    assert said == "4: there is no group 'leads'; known: others"


def test_the_published_schema_refuses_what_the_parser_calls_a_wrong_shape() -> None:
    """Editors hold files against it; only ranges of quantities and `for` against `until` are the parser's alone."""
    published = schemas.compile(schema.document())
    for steps, says in SHAPES:
        if not any(
            word in says for word in ("s' is out of range", "d' is out of range", "a wait step has either")
        ):
            (envelope,) = envelopes(file(steps))
            assert published.problems(envelope.document), steps
