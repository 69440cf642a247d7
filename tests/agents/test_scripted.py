"""The scripted agent says what its script says, in every way an agent can go wrong."""

from __future__ import annotations

import pytest

from orchestra.agents.chat import results
from orchestra.agents.scripted import Line, Scripted
from orchestra.agents.trouble import ModelTrouble
from orchestra.contracts import ModelReply, ModelRequest
from orchestra.errors import Bug, FailureClass
from tests.agents.talks import calls, request, result, says, user


def test_lines_are_played_by_turn_and_then_it_is_done() -> None:
    agent = Scripted([{"customer": "hello", "say": "hi"}, says("raw")])
    assert agent.next(request(turn=0)) == ModelReply(received=(user("hello"),), message=says("hi"))
    assert agent.next(request(turn=1)).message == says("raw")
    assert agent.next(request(turn=2)) == ModelReply(ended="done")


def test_calls_become_tool_calls_with_texts_as_arguments() -> None:
    agent = Scripted(
        [{"calls": [{"call": "a", "with": {"x": 1}}, {"call": "b", "with": "{oops"}], "say": "now"}]
    )
    message = agent.next(request()).message
    assert message == calls(("call_0_0", "a", '{"x": 1}'), ("call_0_1", "b", "{oops")) | {"content": "now"}


def test_the_script_may_come_with_the_request() -> None:
    asked = request(turn=1, script=[{"say": "one"}, {"call": "a"}])
    message = Scripted().next(asked).message
    assert message == calls(("call_1_0", "a", "{}"))


def test_a_runaway_never_ends() -> None:
    replies = [Scripted([{"call": "a"}], forever=True).next(request(turn=turn)) for turn in (0, 1, 99)]
    assert all(reply.message and not reply.ended for reply in replies)
    assert Scripted().next(
        request(turn=7, script=[{"say": "x"}, {"say": "y"}], forever=True)
    ).message == says("y")


def test_a_function_sees_the_last_results() -> None:
    def answer(asked: ModelRequest) -> Line:
        return {"say": f"got {results(asked.messages)}"}

    asked = request(result("0", "old"), calls(("1", "a", "{}")), result("1", "new"), user("well?"), turn=1)
    assert Scripted(answer).next(asked).message == says("got ['new']")


def test_a_function_may_reply_in_full() -> None:
    reply = ModelReply(ended="cut", notes=("n",))
    assert Scripted(lambda _: reply).next(request()) is reply


@pytest.mark.parametrize("retry", [True, False])
@pytest.mark.parametrize("kind", ["model_error", "model_refusal", "model_garbage"])
def test_a_script_can_fail_in_each_way(kind: str, retry: bool) -> None:
    with pytest.raises(ModelTrouble, match="no luck") as caught:
        Scripted([{"fail": kind, "text": "no luck", "retry": retry}]).next(request())
    assert (caught.value.failure_class, caught.value.retry) == (FailureClass(kind), retry)


def test_a_model_cannot_fail_as_something_else() -> None:
    with pytest.raises(Bug):
        ModelTrouble(FailureClass.TOOL_ERROR, "x")


def test_garbage_is_handed_on_as_it_is() -> None:
    assert Scripted([{"message": {"tool_calls": "no list"}}]).next(request()).message == {
        "tool_calls": "no list"
    }


def test_a_script_may_end_early_and_report_what_it_used() -> None:
    agent = Scripted([{"say": "x", "input_tokens": 5, "cost": "0.01", "currency": "USD"}, {"end": "cut"}])
    used = agent.next(request())
    assert (used.input_tokens, used.output_tokens, used.cost, used.currency) == (5, 0, "0.01", "USD")
    assert agent.next(request(turn=1)).ended == "cut"
