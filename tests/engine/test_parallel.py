"""Steps that do not need each other are at work at the same time."""

from __future__ import annotations

from tests.engine.functions import Seen
from tests.engine.stage import Stage, again
from tests.waiting import until

NAMES = [f"s{number}" for number in range(20)]


def gates(names: list[str]) -> str:
    return "\n".join(f"{name}: {{kind: python, function: t.gate, with: {{key: {name}}}}}" for name in names)


def test_twenty_independent_steps_are_all_at_work_before_the_first_ends(shared: Stage, seen: Seen) -> None:
    run = shared.start(gates(NAMES))
    until(lambda: len(seen.begun) == 20, what="all of them at work")
    assert not seen.ended
    for name in NAMES:
        seen.gates[name].set()
    run = shared.rest(run)
    assert run.state == "succeeded"
    assert max(seen.begun.values()) < min(seen.ended.values())


def test_record_shows_that_they_overlapped(shared: Stage, seen: Seen) -> None:
    steps = "\n".join(
        f"{name}: {{kind: python, function: t.nap, with: {{key: {name}, seconds: 0.3}}}}" for name in NAMES
    )
    run = shared.play(steps)
    rows = list(run.steps.all())
    begun, ended = [row.started_at for row in rows], [row.finished_at for row in rows]
    busy = sum(
        (row.finished_at - row.started_at).total_seconds()
        for row in rows
        if row.finished_at and row.started_at
    )
    spread = (
        max(moment for moment in ended if moment) - min(moment for moment in begun if moment)
    ).total_seconds()
    assert seen.most_at_once > 10
    assert busy > 5 * spread


def test_reading_tools_are_at_work_at_the_same_time_too(shared: Stage, seen: Seen) -> None:
    names = NAMES[:5]
    run = shared.start(
        "\n".join(f"{name}: {{kind: tool, tool: t.slow, with: {{key: {name}}}}}" for name in names)
    )
    until(lambda: len(seen.begun) == 5, what="all of them at work")
    for name in names:
        seen.gates[name].set()
    assert shared.rest(run).state == "succeeded"


def test_long_step_of_one_run_holds_up_no_other_run(shared: Stage, seen: Seen) -> None:
    slow = shared.start(gates(["slow"]))
    until(lambda: "slow" in seen.begun, what="the slow one at work")
    assert shared.play("a: {kind: python, function: t.echo}").state == "succeeded"
    assert "slow" not in seen.ended
    seen.gates["slow"].set()
    shared.rest(slow)


def test_worker_holds_no_more_runs_than_it_has_slots(shared: Stage, seen: Seen) -> None:
    name = shared.publish("a: {kind: python, function: t.gate, with: {key: '{{ run.id }}'}}")
    with shared.nobody_working():
        runs = [shared.submit(name) for _ in range(4)]
        with shared.working(slots=2):
            until(lambda: len(seen.begun) == 2, what="two runs at work")
            assert shared.beats(3)
            assert sorted(again(run).state for run in runs) == ["queued", "queued", "running", "running"]
            for run in runs:
                seen.gates[str(run.uid)].set()
            assert {shared.rest(run).state for run in runs} == {"succeeded"}


def test_timer_beside_a_long_step_goes_on_in_time(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        slow: {kind: tool, tool: t.slow, with: {key: slow}}
        timer: {kind: wait, for: 100ms}
        after: {kind: python, function: t.count, needs: timer, with: {key: after}}
    """)
    until(lambda: seen.calls["after"], what="what comes after the timer")
    assert "slow" not in seen.ended
    seen.gates["slow"].set()
    assert shared.rest(run).state == "succeeded"


def test_question_beside_a_long_step_expires_in_time(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        slow: {kind: tool, tool: t.slow, with: {key: slow}}
        ask: {kind: human, title: Never answered, timeout: 100ms, on_failure: continue}
    """)
    shared.until_step(run, "ask", "failed")
    assert "slow" not in seen.ended
    seen.gates["slow"].set()
    assert shared.rest(run).state == "succeeded"


def test_answer_beside_a_long_step_is_followed_at_once(shared: Stage, seen: Seen) -> None:
    run = shared.start("""
        slow: {kind: tool, tool: t.slow, with: {key: slow}}
        ask: {kind: human, title: 'Well?'}
        after: {kind: python, function: t.count, needs: ask, with: {key: after}}
    """)
    until(lambda: shared.questions(run), what="the question")
    shared.answer(run, {})
    until(lambda: seen.calls["after"], what="what comes after the answer")
    assert "slow" not in seen.ended
    seen.gates["slow"].set()
    assert shared.rest(run).state == "succeeded"
