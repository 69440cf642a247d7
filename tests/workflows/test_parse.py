"""Workflow files: what each word of the language comes to mean."""

from __future__ import annotations

from orchestra import schemas
from orchestra.documents.envelopes import envelopes
from orchestra.documents.report import Report
from orchestra.errors import FailureClass
from orchestra.workflows import schema, shape
from orchestra.workflows.parse import parse, workflow
from orchestra.workflows.spec import Join, Kind, Limits, Retry, Route
from tests.workflows.files import KNOWN, SIZE, A, B, example, file, read, wrong


def test_the_example_of_the_docs_is_a_workflow() -> None:
    spec = parse(example())
    assert spec.name == "refund"
    assert [step.kind for step in spec.steps] == [
        Kind.TOOL,
        Kind.EACH,
        Kind.HUMAN,
        Kind.ROUTE,
        Kind.WAIT,
        Kind.RUN,
        Kind.HUMAN,
        Kind.AGENT,
        Kind.PYTHON,
    ]


def test_the_example_of_the_docs_has_the_shape_that_the_schema_says() -> None:
    (envelope,) = envelopes(example())
    report = Report(envelope)
    shape.check(report)
    assert report.problems == []
    schemas.compile(schema.document()).check(envelope.document)


def test_every_value_of_a_file_arrives_in_the_spec() -> None:
    spec = parse(example())
    fetch, lines = spec.by_name["fetch"], spec.by_name["lines"]
    assert spec.limits == Limits(
        steps=200, tool_calls=50, cost="5.00 USD", wall_time=7 * 86_400.0, payload=262_144
    )
    assert (spec.priority, spec.object_key, spec.owner) == (10, "{{ input.order_id }}", "support-leads")
    assert spec.output == {"paid": "{{ steps.report.output }}"}
    assert (fetch.settings, fetch.timeout) == ({"tool": "orders.read"}, 30.0)
    assert fetch.retry == Retry(
        3, 1.0, 2.0, 60.0, frozenset({FailureClass.TOOL_ERROR, FailureClass.TOOL_TIMEOUT})
    )
    assert [found.message for found in fetch.requires] == ["an order id is needed"]
    assert lines.each is not None
    assert (lines.each.name, lines.each.at_once, lines.each.step.settings) == (
        "line",
        20,
        {"function": "example.line"},
    )
    assert spec.by_name["way"].routes[-1] == Route(None, "refuse")
    assert spec.by_name["way"].join is Join.ANY
    assert spec.by_name["settle_first"].settings == {"for": 600.0}
    assert spec.by_name["refuse"].sees == ("input.order_id", "steps.fetch.output")
    assert spec.by_name["report"].repeat is not None


def test_what_is_left_out_has_the_defaults_that_the_docs_name() -> None:
    spec = read(
        "a: {kind: human, title: 'Really?'}\nb: {kind: each, items: [1], step: {kind: python, function: f}}"
    )
    human, each = spec.steps
    assert human.settings == {"group": "leads", "title": "Really?", "form": {"type": "object"}}
    assert (human.join, human.on_failure, human.retry, human.timeout) == (Join.ALL, "escalate", Retry(), None)
    assert each.each is not None
    assert (each.each.name, each.each.at_once) == ("item", 20)
    assert spec.limits == Limits()
    assert spec.input_schema == {"type": "object"}


def test_needs_may_be_one_name_and_a_criterion_only_an_expression() -> None:
    spec = read(f"{A}\nb: {{kind: python, function: f, needs: a, requires: [input.x > 1]}}")
    (criterion,) = spec.by_name["b"].requires
    assert spec.by_name["b"].needs == ("a",)
    assert (criterion.check, criterion.message) == ("input.x > 1", "input.x > 1")


def test_steps_know_their_lines() -> None:
    assert [step.line for step in read(f"{A}\n\n# comment\n{B}").steps] == [SIZE + 2, SIZE + 5]


def test_a_step_may_be_a_way_and_take_over() -> None:
    spec = read(
        """
        a: {kind: python, function: f, on_failure: c}
        b: {kind: route, needs: a, routes: [{when: input.x, to: d}, {to: c}]}
        c: {kind: python, function: f}
        d: {kind: python, function: f}
        """
    )
    assert spec.by_name["a"].on_failure == "c"


def test_ways_and_failures_may_meet_again_with_any() -> None:
    read(
        """
        a: {kind: route, routes: [{when: input.x, to: b}, {to: c}]}
        b: {kind: python, function: f, on_failure: d}
        c: {kind: wait, for: 1s}
        d: {kind: wait, for: 1s}
        e: {kind: wait, for: 1s, needs: [b, c, d], join: any}
        f: {kind: wait, for: 1s, needs: [a, e]}
        """
    )


def test_names_inside_of_strings_and_of_other_things_are_not_steps() -> None:
    read(
        """
        a: {kind: wait, for: 1s, if: "input.steps.b == 'steps.c.output' && input.x == \\"run.z\\" && my.steps.x == 1"}
        """.replace(" && my.steps.x == 1", " && input.mysteps == 1")
    )


def test_a_step_reads_what_comes_before_it_over_arrows_of_every_kind() -> None:
    read(
        """
        a: {kind: python, function: f, on_failure: help}
        help: {kind: python, function: f, with: "{{ steps.a.state }}"}
        way: {kind: route, needs: a, routes: [{when: steps.a.output.x, to: b}, {to: c}]}
        b: {kind: python, function: f, with: ["{{ steps.a.output }}", "{{ steps.way.output.to }}"]}
        c: {kind: wait, for: 1s}
        d: {kind: each, needs: b, items: "{{ steps.a.output.list }}", as: x, ensures: [size(output) > 0],
            step: {kind: python, function: f, with: ["{{ x.y }}", "{{ index }}", "{{ steps.b.output }}"],
                   ensures: [output.n > x.n]}}
        """
    )


def test_names_that_exist_are_fine() -> None:
    read(
        "a: {kind: python, function: f}\nb: {kind: run, workflow: other}\nc: {kind: agent, agent: writer}",
        known=KNOWN,
    )


def test_a_document_among_others_is_read_by_itself() -> None:
    text = file(A) + "---\nkind: policy\nname: p\nspec: {}\n---\n" + file(B)
    found = envelopes(text)
    spec = workflow(found[2])
    assert [one.kind for one in found] == ["workflow", "policy", "workflow"]
    assert spec.steps[0].line == text[: text.rindex("b:")].count("\n") + 1


def test_a_thousand_steps_are_read() -> None:
    steps = ["s0: {kind: wait, for: 1s}"]
    steps += [
        f"s{n}: {{kind: python, function: f, needs: s{n - 1}, if: steps.s{n - 1}.output.x > 1}}"
        for n in range(1, 1_000)
    ]
    assert len(read("\n".join(steps)).steps) == 1_000
    assert "more than 1000 entries" in wrong("\n".join([*steps, "s1000: {kind: wait, for: 1s}"]))


def test_the_schema_is_one_that_a_validator_accepts() -> None:
    found = schema.document()
    assert found["$schema"].endswith("2020-12/schema")
    assert set(found["$defs"]) >= {f"step_{kind}" for kind in Kind}
    found["title"] = "changed"
    assert schema.document()["title"] == "Workflow"
