"""Recordings are read lazily, cut into turns, and say how they end and which faults were put into them."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestra.agents import recordings
from orchestra.agents.recordings import Ending, build, faults
from orchestra.errors import Invalid, NotFound
from tests.agents.talks import STOP, Message, calls, result, retail, row, says, user, write


def read(call_id: str) -> tuple[str, str, str]:
    return (call_id, "get_order_details", '{"order_id": "#W1"}')


READ = read("c1")


def test_a_turn_holds_what_came_in_the_message_and_its_results() -> None:
    talk = [user("hello"), calls(READ), result("c1", "{}"), says("fine"), user(STOP)]
    played = build(row("r", talk, model="m"))
    first, second = played.turns
    assert (first.received, first.message, first.results) == ((talk[0],), talk[1], ("{}",))
    assert (second.received, second.results) == ((), ())
    assert played.closing == (talk[-1],)
    assert played.fields == {"model": "m"}


def test_results_stand_in_the_order_of_the_calls() -> None:
    two = calls(READ, ("c2", "think", "{}"))
    (turn,) = build(row("r", [user("x"), two, result("c2", "second"), result("c1", "first")])).turns
    assert turn.results == ("first", "second")


@pytest.mark.parametrize(
    ("talk", "ending"),
    [
        ([user("x"), says("bye"), user(STOP)], Ending.DONE),
        ([user("x"), says("bye")], Ending.DONE),
        ([user("x"), says("bye"), user("###TRANSFER###")], Ending.HANDED_OFF),
        ([user("x"), calls(("c1", "transfer_to_human_agents", "{}")), result("c1", "ok")], Ending.HANDED_OFF),
        ([user("x"), calls(READ), result("c1", "{}")], Ending.CUT),
        ([user("x"), calls(READ)], Ending.CUT),
        ([user("x"), says("and?"), user("wait")], Ending.CUT),
        ([user("x")], Ending.CUT),
        ([], Ending.CUT),
    ],
)
def test_a_recording_says_how_it_ends(talk: list[Message], ending: Ending) -> None:
    assert build(row("r", talk)).ending == ending


def test_in_a_file_without_markers_words_may_end_a_run(tmp_path: Path) -> None:
    plain = row("plain", [user("x"), says("bye"), user("thanks")])
    path = write(tmp_path / "trajectories.jsonl", [plain, row("cut", [user("x"), calls(READ), user("hm")])])
    assert recordings.recording(path, "plain").ending == Ending.DONE
    assert recordings.recording(path, "cut").ending == Ending.CUT
    write(path, [plain, row("marked", [user("x"), says("bye"), user(STOP)])])
    assert recordings.recording(path, "plain").ending == Ending.CUT


def test_a_result_without_a_call_before_it_is_refused() -> None:
    with pytest.raises(Invalid, match=r"/messages/1.*role 'tool'"):
        build(row("r", [user("x"), result("c1", "{}")]))


def test_injected_faults_are_told_from_refusals_and_counted_in_both_ways() -> None:
    talk = [
        *(user("x"), calls(("c1", "think", "{}"), read("c2"))),
        *(result("c1", ""), result("c2", "Error: 503 Service Unavailable")),
        *(calls(read("c3")), result("c3", "Error: order not found")),
        *(calls(read("c4")), result("c4", "Error: 503 Service Unavailable")),
    ]
    found = faults(build(row("r", talk)))
    assert [(fault.call, fault.nth, fault.status, fault.tool) for fault in found] == [
        (2, 1, 503, "get_order_details"),
        (4, 3, 503, "get_order_details"),
    ]
    assert found[0].body == "Error: 503 Service Unavailable"


def test_a_folder_a_file_and_a_packed_file_read_alike(tmp_path: Path) -> None:
    rows = [row("one", [user("x"), says("y")]), row("two", [user("z"), says("w")])]
    plain = write(tmp_path / "trajectories.jsonl", rows)
    (tmp_path / "packed").mkdir()
    packed = tmp_path / "packed" / "trajectories.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert recordings.library(tmp_path).runs() == ("one", "two")
    played = [recordings.recording(data, "two") for data in (tmp_path, str(plain), packed, packed.parent)]
    assert all(each == played[0] for each in played)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "trajectories.jsonl", [row("one", [user("x")])])
    assert recordings.library(path).runs() == ("one",)
    write(path, [row("other", [user("x")])])
    os.utime(path, ns=(1, 1))
    assert recordings.library(path).runs() == ("other",)


def test_many_threads_share_one_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "trajectories.jsonl", [row(str(n), [user("x"), says("y")]) for n in range(5000)])
    with ThreadPoolExecutor(8) as pool:
        libraries = list(pool.map(recordings.library, [path] * 40))
    assert all(each is libraries[0] for each in libraries)


def test_what_is_missing_or_broken_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"trajectories\.jsonl"):
        recordings.library(tmp_path)
    path = write(tmp_path / "trajectories.jsonl", [row("one", [user("x")])])
    with pytest.raises(NotFound, match="no run 'two'"):
        recordings.recording(path, "two")
    path.write_text(json.dumps(row("one", [])) + "\n{oops\n")
    with pytest.raises(Invalid, match="line 2"):
        recordings.library(path)


def test_the_real_recordings_end_and_fail_as_counted() -> None:
    library = recordings.library(retail())
    played = [library.get(run) for run in library.runs()]
    assert Counter(each.ending for each in played) == {
        Ending.DONE: 726,
        Ending.HANDED_OFF: 155,
        Ending.CUT: 18,
    }
    injected = [faults(each) for each in played]
    assert (sum(map(len, injected)), sum(map(bool, injected))) == (123, 67)
    assert all(
        len(found) == each.fields["injected_faults"] for found, each in zip(injected, played, strict=True)
    )
    assert sum(not each.turns[0].received for each in played) == 186
