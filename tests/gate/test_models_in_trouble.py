"""Models that fail, talk nonsense, or end in odd ways: the worker goes on, and the run ends or a person is asked."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.agents.border import ModelTrouble
from orchestra.contracts import ModelReply
from orchestra.errors import FailureClass
from orchestra.models import Run
from tests.engine.stage import database_time
from tests.gate.adapters import ASKED, SAYINGS, words
from tests.gate.lines import DONE, MOVE
from tests.gate.stage import GateStage
from tests.waiting import until

names = itertools.count(1)


@pytest.fixture(autouse=True)
def nobody_else_is_held_up(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What one model says never makes a worker decide on its runs one by one."""
    yield
    assert not {"worker.batch_refused", "run.refused", "worker.database_lost"} & {
        record.msg for record in caplog.get_records("call")
    }


RETRY = {"attempts": 3, "first_wait": "10ms", "on": ["model_error", "model_garbage"]}
WELL = {"role": "assistant", "content": "Well."}


def say(stage: GateStage, world: str, *things: Any, step: Mapping[str, Any] | None = None) -> tuple[Run, str]:
    """A run of an agent that says these things."""
    name = f"saying-{next(names)}"
    SAYINGS[name] = list(things)
    run = stage.serve([], world, adapter="tests.gate.adapters.Odd", saying=name, step=step)
    return run, name


def answer(run: Run) -> object:
    """The last words of the agent."""
    return (run.output or {})["serve"]["answer"]


def calling(name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def test_model_that_fails_for_good_is_put_before_a_person(shared: GateStage, world: str) -> None:
    run = shared.serve([{"fail": "model_error", "text": "no such model"}], world)
    assert run.state == "escalated"
    context = shared.question(run).context
    assert (context["failure_class"], context["error"]) == ("model_error", "no such model")
    assert shared.turns(run)[0].error == "no such model"


def test_model_that_fails_at_times_is_asked_again(shared: GateStage, world: str) -> None:
    trouble = ModelTrouble(FailureClass.MODEL_ERROR, "too busy", retry=True)
    run, name = say(
        shared, world, trouble, calling("think", '{"thought": "a"}'), trouble, WELL, step={"retry": RETRY}
    )
    assert (run.state, shared.told(run), len(ASKED[name])) == ("succeeded", ["succeeded"], 5)
    assert answer(run) == "Well."


def test_model_that_fails_too_often_is_put_before_a_person(shared: GateStage, world: str) -> None:
    trouble = ModelTrouble(FailureClass.MODEL_ERROR, "too busy", retry=True)
    run, name = say(shared, world, *[trouble] * 9, step={"retry": RETRY})
    assert (run.state, len(ASKED[name])) == ("escalated", 3)
    shared.answer(run, {"action": "output", "output": {"answer": "by hand"}})
    assert shared.rest(run).state == "succeeded"


def test_error_of_the_adapter_itself_does_no_harm(shared: GateStage, world: str) -> None:
    for error in (RuntimeError("boom\0\ud800"), SystemExit(1), RecursionError()):
        run, _ = say(shared, world, error)
        assert (run.state, shared.question(run).context["failure_class"]) == ("escalated", "model_error")


@pytest.mark.parametrize(
    "ended", ["handed_off", "departed", "cut", "gone", "", "x" * 50, "done\0", "\ud800", None, 7]
)
def test_agent_that_ends_otherwise_than_done_is_put_before_a_person(
    shared: GateStage, world: str, ended: Any
) -> None:
    run, _ = say(shared, world, ModelReply(ended=ended, notes=("first\0", "second")))
    assert run.state == "escalated"
    assert shared.question(run).context["error"]


def test_agent_that_leaves_with_words_is_done_or_not_as_it_says(shared: GateStage, world: str) -> None:
    run, _ = say(shared, world, ModelReply(message=WELL, ended="done"))
    assert (run.state, answer(run)) == ("succeeded", "Well.")
    run, _ = say(shared, world, ModelReply(message=WELL, ended="handed_off"))
    assert (run.state, shared.question(run).context["ended"]) == ("escalated", "handed_off")


GARBAGE: list[Any] = [
    "words", [], {"role": "user", "content": "a"}, {"role": "assistant", "content": 7}, calling(7, "{}"), calling("", "{}"),
    calling("think", 7), calling("think", {"thought": float("nan")}), calling("think", {1: 2}), calling("think", {"a": 2**70}),
    {"role": "assistant", "tool_calls": "none"}, {"role": "assistant", "tool_calls": [7]},
    {"role": "assistant", "tool_calls": [{"function": 7}]}, {"role": "assistant", "content": "x" * 2_000_000},
    {"role": "assistant", "tool_calls": [{"function": {"name": "think", "arguments": "{}"}}] * 201},
    None,
]  # fmt: skip
NO_REPLY: list[Any] = [
    None, 7, object(), {"message": WELL}, ModelReply(received=None, message=WELL),  # type: ignore[arg-type]
    ModelReply(received=(7,), message=WELL), ModelReply(received=({"role": 5},), message=WELL),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("message", GARBAGE, ids=range(len(GARBAGE)))
def test_message_that_is_none_is_put_before_a_person(shared: GateStage, world: str, message: Any) -> None:
    run, _ = say(shared, world, ModelReply(message=message))
    assert run.state == "escalated"
    assert shared.question(run).context["failure_class"] == "model_garbage"
    assert shared.calls(run) == []


@pytest.mark.parametrize("reply", NO_REPLY, ids=range(len(NO_REPLY)))
def test_reply_that_is_none_is_put_before_a_person(shared: GateStage, world: str, reply: Any) -> None:
    run, _ = say(shared, world, lambda _: reply)
    assert run.state == "escalated"
    assert shared.question(run).context["failure_class"] in {"model_garbage", "model_error"}


ODD: dict[str, Any] = {
    "notes": ("a\0", 7), "input_tokens": -5, "output_tokens": "many", "cost": "NaN", "currency": "DOLLARS\0", "ended": "",
}  # fmt: skip


@pytest.mark.parametrize("column", ODD, ids=ODD)
def test_nonsense_beside_a_message_does_no_harm(shared: GateStage, world: str, column: str) -> None:
    run, _ = say(shared, world, ModelReply(message=WELL, **{column: ODD[column]}))
    assert (run.state, answer(run)) == ("succeeded", "Well.")


@pytest.mark.parametrize(
    "arguments",
    ['{"thought": "a\\u0000b"}', '{"thought": "\\ud800"}', '{"thought": "a\0b"}', '{"thought": "\ud800"}', "", "null", "[1]",
     '{"thought": 1e999}', '{"thought": ' + "[" * 100 + "]" * 100 + "}", '{"thought": "' + "x" * 300_000 + '"}'],
    ids=range(10),
)  # fmt: skip
def test_arguments_that_cannot_be_kept_are_refused_and_the_agent_is_told(
    shared: GateStage, world: str, arguments: str
) -> None:
    run, name = say(shared, world, calling("think", arguments), WELL)
    assert (run.state, shared.told(run)) == ("succeeded", ["refused"])
    assert bytes(shared.call(run).raw or b"") == arguments.encode("utf-8", "surrogatepass")
    (told,) = words(name)
    assert told.startswith("Error: ")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\udfff words", "\u202e", "x" * 200_000])
def test_words_of_any_kind_are_kept_as_far_as_they_can_be(shared: GateStage, world: str, text: str) -> None:
    run, _ = say(shared, world, {"role": "assistant", "content": text, **_tool(text)}, WELL)
    assert (run.state, shared.told(run)) == ("succeeded", ["refused"])
    assert len(shared.call(run).tool_name) <= 120


def _tool(name: str) -> dict[str, Any]:
    return {"tool_calls": calling(name, "{}")["tool_calls"]}


def test_turn_of_many_calls_goes_through(shared: GateStage, world: str) -> None:
    thoughts = [{"call": "think", "with": {"thought": f"thought {n}"}} for n in range(200)]
    run = shared.serve([{"calls": thoughts}, DONE], world)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"] * 200)


def test_agent_that_says_nothing_is_asked_for_something(shared: GateStage, world: str) -> None:
    run, name = say(shared, world, {"role": "assistant"}, {"role": "assistant", "content": []}, WELL)
    assert (run.state, len(ASKED[name])) == ("succeeded", 4)
    assert "neither words nor a call" in str(ASKED[name][1].messages[-1]["content"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CALL = st.fixed_dictionaries(
    {}, optional={"id": JSON, "function": JSON | st.fixed_dictionaries({"name": JSON | st.just("think"), "arguments": JSON})}
)  # fmt: skip
MESSAGE = JSON | st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={"content": JSON, "tool_calls": JSON | st.lists(CALL, max_size=3)},
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages=st.lists(MESSAGE, min_size=1, max_size=3))
def test_whatever_a_model_says_the_run_ends_or_a_person_is_asked(
    shared: GateStage, messages: list[Any]
) -> None:
    things = [lambda _, message=message: ModelReply(message=message) for message in messages]
    run, _ = say(shared, "world-of-nonsense", *things)
    assert run.state in {"succeeded", "escalated"}
    assert not shared.sendings(run) or shared.told(run)


def test_model_that_takes_too_long_is_given_up(shared: GateStage, world: str) -> None:
    given = threading.Event()
    run, name = say(shared, world, lambda _: given.wait(60), step={"timeout": "50ms"})
    try:
        assert (run.state, shared.question(run).context["failure_class"]) == ("escalated", "tool_timeout")
    finally:
        given.set()
    SAYINGS[name].append(WELL)
    shared.answer(run, {"action": "retry"})
    assert shared.rest(run).state == "succeeded"


def test_time_that_people_take_is_not_the_model_s(shared: GateStage, world: str) -> None:
    run = shared.serve([MOVE, DONE], world, step={"timeout": "1s"})
    assert shared.told(run) == ["awaiting_approval"]
    until(lambda: database_time() > run.created_at + timedelta(seconds=2), what="a while")
    run = shared.approve(run)
    assert (run.state, shared.told(run)) == ("succeeded", ["succeeded"])
