"""The replay's tables count what came out, and its verdict names each requirement that does not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reviews.replay.outcomes import CallOutcome, Ended, Results, RunOutcome
from reviews.replay.report import render
from reviews.replay.verdict import verdict

READ = CallOutcome(0, 0, "get_order_details", "read", "succeeded")
GOOD = CallOutcome(
    *(1, 0, "cancel_pending_order", "destructive", "succeeded", "approve", "right"),
    reviewed=True,
    effects=1,
    accepted=True,
)
BAD = CallOutcome(
    2, 0, "modify_user_address", "write", "denied", "reject", "refused_wrong", denied_by=("user_not_found",)
)
GARBLED = CallOutcome(3, 0, "think", "read", "refused", garbled=True)
MISSING = CallOutcome(4, 0, "create_order", "", "refused")
RUN = RunOutcome(
    run="m/test-1/0",
    model="m",
    ended=Ended.SUCCESS,
    expected=Ended.SUCCESS,
    calls=(READ, GOOD, BAD, GARBLED, MISSING),
    recorded_writes=frozenset({(1, 0), (2, 0)}),
    recorded_refused=frozenset({(3, 0), (4, 0)}),
    truth_without_policies=True,
    waits=(0.01, 0.02),
)


def results(*runs: RunOutcome, **more: Any) -> Results:
    return Results(runs, **{"seconds": 2.0, "whole": False, **more})


def with_call(number: int, **change: Any) -> RunOutcome:
    calls = list(RUN.calls)
    calls[number] = replace(calls[number], **change)
    return replace(RUN, calls=tuple(calls))


def test_a_replay_that_shows_what_it_must_has_no_violation() -> None:
    assert verdict(results(RUN)) == []


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (
            replace(RUN, ended=Ended.STUCK, why="waits for nothing"),
            "ended stuck (waits for nothing), expected success",
        ),
        (replace(RUN, expected=Ended.HANDED_OFF), "ended success, expected handed_off"),
        (
            replace(RUN, calls=(READ, GOOD, GARBLED, MISSING)),
            "turn 2, call 0: 0 ToolCalls where there is one",
        ),
        (replace(RUN, calls=(*RUN.calls, GOOD)), "turn 1, call 0: 2 ToolCalls where there is one"),
        (replace(RUN, calls=RUN.calls[:-1]), "turn 4, call 0: 0 ToolCalls where there is one"),
        (replace(RUN, calls=(*RUN.calls, replace(BAD, turn=9))), "a write that is not in the recording"),
        (with_call(3, state="succeeded"), "is succeeded, must be refused"),
        (with_call(1, effects=2), "2 effects of one call"),
        (with_call(1, effects=0), "is succeeded with 0 effects in the ledger"),
        (with_call(1, state="failed"), "is failed with 1 effects in the ledger"),
        (with_call(1, state="failed", effects=0), "is failed, but takes effect in the reference"),
        (with_call(1, accepted=False), "is succeeded, but is refused by the store in the reference"),
        (with_call(1, state="unknown", effects=0), "is left unknown"),
        (with_call(1, state="expired", effects=0), "is expired though it was to be approved"),
        (with_call(2, state="succeeded", effects=1), "took effect though it was to be rejected"),
        (with_call(2, state="failed"), "was sent though user_not_found denied it"),
        (with_call(0, effects=1), "a call that writes nothing stands in the ledger"),
        (replace(RUN, from_reference=("order #W1: x",)), "differs from the independent replay: order #W1: x"),
        (
            replace(RUN, from_truth=("order #W1: x",)),
            "agreement with the ground truth is not the reference's",
        ),
    ],
)
def test_each_breach_is_named(run: RunOutcome, told: str) -> None:
    found = verdict(results(run))
    assert any(told in line and line.startswith("m/test-1/0: ") for line in found), found


def test_a_stale_call_and_its_new_revision_are_one_write() -> None:
    stale = replace(GOOD, state="stale", effects=0)
    again = replace(GOOD, again=True)
    run = replace(RUN, calls=(READ, stale, again, BAD, GARBLED, MISSING))
    assert verdict(results(run)) == []


def test_a_printed_denial_explains_a_world_that_differs_from_the_truth() -> None:
    denied = with_call(1, state="denied", effects=0, denied_by=("not_authenticated",))
    assert verdict(results(replace(denied, from_truth=("order #W1: x",)))) == []


def test_policies_may_deny_three_good_writes_and_no_fourth() -> None:
    denied = with_call(1, state="denied", effects=0, denied_by=("not_authenticated",))
    assert verdict(results(*[denied] * 3)) == []
    assert "deny 4 writes that the store rightly accepts" in verdict(results(*[denied] * 4))[0]


def test_the_whole_data_set_must_reach_its_totals() -> None:
    found = "\n".join(verdict(results(RUN, whole=True)))
    assert "the policies alone deny 1 of the writes to reject, at least 222" in found
    assert "recorded writes: 2, expected 1356" in found
    assert "true worlds of the reference: 1, expected 650" in found
    assert "policies alone" not in "\n".join(verdict(results(RUN, whole=True, policies=False)))


def test_disagreements_and_a_broken_audit_are_violations() -> None:
    found = verdict(results(RUN, disagreements=("ledger 7 has no call",), audit=("link 3 is broken",)))
    assert found == ["audit: link 3 is broken", "cross-check: ledger 7 has no call"]


def test_the_tables_count_what_came_out() -> None:
    departed = replace(RUN, run="n/test-2/0", model="n", departures=("turn 2, call 1: failed here",))
    text = render(results(RUN, departed))
    tables = {part.splitlines()[0]: part.splitlines() for part in text.split("\n\n")}
    head, _, *rows = (line.split("  ") for line in tables["--- by model"][1:])
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [cell.strip() for cell in head if cell.strip()][:6] == [
        *("model", "runs", "success", "handed off", "cut", "other"),
    ]
    # writes, approve, reject, denied, effects, refused by store, departed, reviews, per 100, = reference, = truth
    assert " ".join(cells[0]) == "m 1 1 0 0 0 2 1 1 1 1 0 0 1 100.0 1 1"
    assert " ".join(cells[2]) == "all 2 2 0 0 0 4 2 2 2 2 0 1 2 100.0 2 2"
    assert any("create_order (no such tool)" in line for line in tables["--- by tool"])
    assert tables["--- denials by rule"][3].split() == ["user_not_found", "2", "2", "0", "0"]
    assert "n/test-2/0: turn 2, call 1: failed here" in text
    assert "runs per second" in text
    assert "15.0 / 20.0 / 20.0" in text


def test_denied_writes_that_a_reviewer_would_approve_are_listed() -> None:
    denied = with_call(1, state="denied", effects=0, denied_by=("not_authenticated",))
    line = "turn 1, call 0 (cancel_pending_order): not_authenticated; the store accepts it"
    assert line in render(results(denied))


def test_long_lists_are_cut_and_counted() -> None:
    run = replace(RUN, departures=tuple(f"departure {n}" for n in range(30)))
    text = render(results(run), most=5)
    assert "departures from the recording: 30" in text
    assert "and 25 more" in text


def test_violations_stand_at_the_end() -> None:
    text = render(results(replace(RUN, ended=Ended.LOST)))
    assert text.splitlines()[-2:] == ["VIOLATED: 1", "  m/test-1/0: ended lost, expected success"]


def test_an_empty_replay_can_be_printed() -> None:
    assert "none measured" in render(results(seconds=0.0))
