"""The recorded agent plays a transcript turn by turn and says where the live world departs from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestra.agents import recordings
from orchestra.agents.recorded import Recorded
from orchestra.agents.trouble import ModelTrouble
from orchestra.contracts import ModelReply
from orchestra.errors import FailureClass
from tests.agents.talks import ORDER, STOP, Message, calls, request, result, retail, row, says, user, write

TOOLS = ("get_order_details", "think", "cancel_pending_order")
READ = calls(("c1", "get_order_details", '{"order_id": "#W0000001"}'))
CANCEL = calls(("c2", "cancel_pending_order", '{"order_id": "#W0000001", "reason": "no longer needed"}'))
TALK = [
    *(user("Cancel my order"), READ, result("c1", ORDER), says("Shall I?"), user("Yes")),
    *(CANCEL, result("c2", ORDER | {"status": "cancelled"}), says("Done"), user(STOP)),
]


@pytest.fixture
def data(tmp_path: Path) -> str:
    write(tmp_path / "trajectories.jsonl", [row("r", TALK)])
    return str(tmp_path)


def ask(data: str, *messages: Message, turn: int, **settings: Any) -> ModelReply:
    asked = request(*messages, turn=turn, tools=TOOLS, data=data, run="r", **settings)
    return Recorded().next(asked)


def record(tmp_path: Path, *talk: Message) -> str:
    return str(write(tmp_path / "own.jsonl", [row("r", talk)]))


def play(data: str, run: str, tools: tuple[str, ...]) -> Iterator[ModelReply]:
    """Play a recording to its end in a world where every result is the recorded one."""
    seen: list[Message] = []
    for turn in range(1000):
        reply = Recorded().next(request(*seen, turn=turn, tools=tools, data=data, run=run))
        yield reply
        if reply.message is None:
            return
        live = recordings.recording(data, run).turns[turn].results
        seen += [*map(dict, reply.received), dict(reply.message), *(result("live", text) for text in live)]


def test_the_customer_comes_before_the_first_message(data: str) -> None:
    reply = ask(data, turn=0)
    assert reply.received == (user("Cancel my order"),)
    assert reply.message == READ
    assert (reply.ended, reply.notes) == ("", ())


def test_a_recording_may_start_with_the_assistant(tmp_path: Path) -> None:
    data = record(tmp_path, says("Hi! How can I help?"), user("x"), says("bye"), user(STOP))
    first, second = ask(data, turn=0), ask(data, turn=1)
    assert (first.received, first.message) == ((), says("Hi! How can I help?"))
    assert second.received == (user("x"),)


def test_the_same_turn_asked_twice_gives_the_same_message(data: str) -> None:
    first = ask(data, turn=2)
    assert isinstance(first.message, dict)
    first.message["tool_calls"].clear()  # whoever keeps a reply may change it; the recording stays
    assert ask(data, turn=2).message == CANCEL


def test_at_the_end_the_last_words_come_in_and_it_is_done(data: str) -> None:
    reply = ask(data, *TALK[:-1], turn=4)
    assert reply == ModelReply(received=(user(STOP),), ended="done")


def test_a_recording_that_is_cut_off_says_so(tmp_path: Path) -> None:
    data = record(tmp_path, user("x"), READ, result("c1", ORDER))
    reply = ask(data, user("x"), READ, result("c1", ORDER), turn=1)
    assert (reply.message, reply.ended) == (None, "cut")
    assert reply.notes == ("the recording ends in the middle",)


def test_the_marker_of_a_hand_over_ends_as_handed_off(tmp_path: Path) -> None:
    data = record(tmp_path, user("x"), says("I get a person"), user("###TRANSFER###"))
    assert ask(data, user("x"), says("I get a person"), turn=1).ended == "handed_off"


def test_a_departure_stops_it(data: str) -> None:
    reply = ask(data, user("x"), READ, result("c1", ORDER | {"status": "delivered"}), turn=1)
    assert (reply.message, reply.ended) == (None, "departed")
    assert reply.notes == (
        "turn 1, call 1 (get_order_details): status was pending in the recording, is delivered here",
    )


def test_told_to_continue_it_notes_the_departure_and_plays_on(data: str) -> None:
    refused = result("c2", "Error: a reviewer rejected this: wrong order")
    reply = ask(data, READ, result("c1", ORDER), CANCEL, refused, turn=3, on_departure="continue")
    assert reply.message == says("Done")
    assert (
        "succeeded in the recording, failed (Error: a reviewer rejected this: wrong order) here"
        in reply.notes[0]
    )


def test_a_departure_in_the_last_turn_is_not_lost(tmp_path: Path) -> None:
    data = record(tmp_path, user("x"), READ, result("c1", ORDER))
    reply = ask(data, READ, result("c1", "Error: order not found"), turn=1, on_departure="continue")
    assert reply.ended == "cut"
    assert len(reply.notes) == 2


def test_results_of_earlier_turns_are_not_compared_again(data: str) -> None:
    odd = result("c1", ORDER | {"status": "delivered"})
    reply = ask(data, READ, odd, says("Shall I?"), user("Yes"), turn=2)
    assert (reply.message, reply.notes) == (CANCEL, ())


def test_several_calls_are_compared_in_their_order(tmp_path: Path) -> None:
    two = calls(("a", "get_order_details", "{}"), ("b", "think", "{}"))
    data = record(tmp_path, user("x"), two, result("a", ORDER), result("b", ""), says("y"), user(STOP))
    fine = ask(data, two, result("z1", ORDER), result("z2", ""), turn=1)
    assert (fine.message, fine.notes) == (says("y"), ())
    assert ask(data, two, result("z1", ""), result("z2", ORDER), turn=1).ended == "departed"


def test_a_missing_result_is_a_departure(data: str) -> None:
    reply = ask(data, READ, turn=1)
    assert reply.notes == ("turn 1: 1 results in the recording, 0 here",)


@pytest.mark.parametrize(
    ("tool", "arguments"), [("think", "{'thought': 'no JSON'}"), ("think", "[]"), ("create_order", "{}")]
)
def test_what_no_backend_was_asked_for_is_played_as_it_was_and_not_compared(
    tmp_path: Path, tool: str, arguments: str
) -> None:
    odd = calls(("a", tool, arguments))
    data = record(tmp_path, user("x"), odd, result("a", ""), says("y"), user(STOP))
    assert ask(data, turn=0).message == odd
    reply = ask(data, odd, result("a", "Error: refused: the arguments are no JSON"), turn=1)
    assert (reply.message, reply.notes) == (says("y"), ())


def test_an_empty_message_is_played_as_it_was(tmp_path: Path) -> None:
    data = record(tmp_path, user("x"), says(None), user("hello?"), says(""), user(STOP))
    assert ask(data, turn=0).message == says(None)
    assert ask(data, turn=1).message == says("")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"run": "r"}, "/settings/data"),
        ({"data": "nowhere", "run": "r"}, "no recordings"),
        ({"data": ".", "run": 7}, "/settings/run"),
        ({"data": ".", "run": "r", "on_departure": "pretend"}, "stop or continue"),
    ],
)
def test_settings_that_cannot_be_played_are_trouble(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelTrouble, match=told) as caught:
        Recorded().next(request(**settings))
    assert (caught.value.failure_class, caught.value.retry) == (FailureClass.MODEL_ERROR, False)


def test_all_real_recordings_play_to_their_end_without_departing_from_themselves() -> None:
    data = str(retail())
    tools = ("transfer_to_human_agents", *_real_tools(data))
    for run in recordings.library(data).runs():
        *turns, end = play(data, run, tools)
        assert not any(reply.notes or reply.ended for reply in turns), run
        recorded = recordings.recording(data, run)
        assert (end.ended, len(turns)) == (recorded.ending, len(recorded.turns)), run


def _real_tools(data: str) -> set[str]:
    library = recordings.library(data)
    return {call["name"] for run in library.runs() for turn in library.get(run).turns for call in turn.calls}
