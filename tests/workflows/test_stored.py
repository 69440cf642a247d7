"""What a published version stores: the whole meaning, in canonical bytes, readable again."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra import canonical
from orchestra.errors import Bug, FailureClass, Invalid
from orchestra.workflows import stored
from orchestra.workflows.parse import parse
from orchestra.workflows.spec import (
    Criterion,
    Each,
    Join,
    Kind,
    Limits,
    Repeat,
    Retry,
    Route,
    StepSpec,
    WorkflowSpec,
)

TEXT = """
kind: workflow
name: w
spec:
  owner: leads
  steps:
    a: {kind: python, function: f, with: {x: 1.0, y: [2.50, null, "é"]}, timeout: 30s, retry: {attempts: 2}}
    b: {kind: human, needs: [a], title: Fine}
"""

names = st.text(string.ascii_lowercase, min_size=1, max_size=8)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e9, 1e9)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=8,
)
durations = st.floats(0.001, 1e7)
criteria = st.lists(st.builds(Criterion, texts, texts, st.integers(0, 99)), max_size=2).map(tuple)
retries = st.builds(
    Retry,
    st.integers(1, 9),
    durations,
    durations,
    durations,
    st.frozensets(st.sampled_from(FailureClass), min_size=1),
)


def steps(each: st.SearchStrategy[Each | None]) -> st.SearchStrategy[StepSpec]:
    return st.builds(
        StepSpec,
        name=names,
        kind=st.sampled_from(Kind),
        line=st.integers(0, 99),
        description=texts,
        needs=st.lists(names, max_size=3).map(tuple),
        join=st.sampled_from(Join) | st.integers(1, 9),
        condition=st.none() | texts,
        with_=values,
        sees=st.none() | st.lists(texts, max_size=2).map(tuple),
        requires=criteria,
        ensures=criteria,
        timeout=st.none() | durations,
        retry=retries,
        on_failure=names,
        repeat=st.none() | st.builds(Repeat, texts, st.integers(1, 1000)),
        routes=st.lists(st.builds(Route, st.none() | texts, names), max_size=2).map(tuple),
        each=each,
        settings=st.dictionaries(names, values, max_size=2),
    )


specs = st.builds(
    WorkflowSpec,
    name=names,
    owner=texts,
    steps=st.lists(steps(st.none() | st.builds(Each, values, names, steps(st.none()))), max_size=3).map(
        tuple
    ),
    description=texts,
    input_schema=st.dictionaries(texts, values, max_size=2),
    output=values,
    limits=st.builds(
        Limits, tokens=st.none() | st.integers(0, 10**9), cost=st.none() | texts, wall_time=durations
    ),
    priority=st.integers(-100, 100),
    object_key=st.none() | texts,
)


@settings(max_examples=100, deadline=None)
@given(specs)
def test_what_is_stored_is_read_again_as_it_was(spec: WorkflowSpec) -> None:
    data = stored.dump(spec)
    assert stored.load(data) == spec
    assert stored.load(json.loads(json.dumps(data))) == spec
    assert stored.dump(stored.load(data)) == data
    assert canonical.digest(canonical.parse(canonical.encode(data))) == stored.digest(spec)


def test_lines_and_comments_are_no_meaning() -> None:
    assert stored.digest(parse(TEXT)) == stored.digest(parse("# a comment\n\n" + TEXT.replace("1.0", "1")))


def test_any_change_of_meaning_changes_the_digest() -> None:
    for old, new in (
        ("30s", "31s"),
        ("2.50", "2.51"),
        ("leads", "others"),
        ("[a]", "[a], join: any"),
        ("Fine", "Bad"),
    ):
        assert stored.digest(parse(TEXT)) != stored.digest(parse(TEXT.replace(old, new)))


def test_a_parsed_workflow_survives_the_database() -> None:
    spec = parse(TEXT)
    assert stored.load(json.loads(canonical.encode(stored.dump(spec)))) == spec


def test_defaults_are_written_out_so_that_a_version_keeps_its_meaning() -> None:
    data = stored.dump(parse(TEXT))
    assert isinstance(data, dict)
    assert data["format"] == 1
    assert data["limits"] == {
        "steps": 1000,
        "turns": 200,
        "tool_calls": 500,
        "repeats": 5,
        "tokens": None,
        "cost": None,
        "wall_time": 2592000,
        "payload": 262144,
    }


def test_a_newer_format_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(Invalid, match="upgrade"):
        stored.load({"format": 2})


def test_what_was_never_stored_is_a_bug() -> None:
    for data in (None, {}, {"format": 1}, {"format": True}, [1]):
        with pytest.raises(Bug):
            stored.load(data)  # type: ignore[arg-type]  # a mypy-clean caller could not
